// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/images/folder_kind.h"

#include "app/images/image_kind.h"
#include "app/images/open_image.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <thread>

namespace limn {

namespace {

constexpr std::size_t kFewestFiles = 4;
constexpr std::size_t kMostLooks = 9;
constexpr int kPreviewSide = 256; // a JPEG file in an eighth of its size is read in half of the time
constexpr unsigned kMostThreads = 4;

ImageKind kindOf(const std::string& file) {
    if (const std::optional<ImagePreview> preview = openImagePreview(file, kPreviewSide))
        return LookSampler(preview->size, preview->rgb.data()).kind();
    const Result<Image> image = openImage(file);
    return image ? guessImageKind(*image) : ImageKind::Unknown;
}

} // namespace

std::vector<double> folderOdds(const std::vector<std::string>& files) {
    std::map<std::filesystem::path, std::vector<std::size_t>> folders;
    for (std::size_t i = 0; i < files.size(); ++i)
        folders[std::filesystem::path(files[i]).parent_path()].push_back(i);
    std::vector<std::size_t> looks;
    for (const auto& [folder, members] : folders) {
        if (members.size() < kFewestFiles)
            continue;
        const std::size_t count = std::min(members.size(), kMostLooks);
        for (std::size_t i = 0; i < count; ++i)
            looks.push_back(members[i * (members.size() - 1) / (count - 1)]);
    }
    std::vector<ImageKind> kinds(files.size(), ImageKind::Unknown);
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> threads(std::min<std::size_t>(
        looks.size(), std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads)));
    for (std::thread& thread : threads)
        thread = std::thread([&] {
            for (std::size_t i = next++; i < looks.size(); i = next++)
                kinds[looks[i]] = kindOf(files[looks[i]]);
        });
    for (std::thread& thread : threads)
        thread.join();

    std::vector<double> odds(files.size(), 0.0);
    for (const auto& [folder, members] : folders) {
        double skin = 1.0;
        double gut = 1.0;
        for (const std::size_t i : members) {
            skin += kinds[i] == ImageKind::Dermoscopy ? 1.0 : 0.0;
            gut += kinds[i] == ImageKind::Endoscopy ? 1.0 : 0.0;
        }
        for (const std::size_t i : members)
            odds[i] = std::log(gut / skin);
    }
    return odds;
}

} // namespace limn
