// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/tensor_set.h"

#include "inference/plain/byte_source.h"
#include "inference/plain/sha256.h"
#include "inference/plain/whole_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace limn {

namespace {

namespace fs = std::filesystem;

constexpr const char* kIndexName = "index.json";
constexpr const char* kFormat = "limn-tensor-set";
constexpr std::uint64_t kMaxIndexBytes = 4u << 20;
constexpr std::size_t kMaxParts = 9999;

// The set's number that a part's name begins with; 0: it is no part.
unsigned long setNumberOf(const std::string& fileName) {
    char* end = nullptr;
    const unsigned long number = std::strtoul(fileName.c_str(), &end, 10);
    return end != nullptr && std::string_view(end).starts_with("-part-") ? number : 0;
}

unsigned long highestSetNumber(const fs::path& folder) {
    unsigned long highest = 0;
    std::error_code failure;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, failure))
        highest = std::max(highest, setNumberOf(entry.path().filename().string()));
    return highest;
}

// Parts of other sets, whole or half written. What cannot be removed costs room, nothing else.
void removeOtherSets(const fs::path& folder, unsigned long kept) {
    std::vector<fs::path> old;
    std::error_code failure;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, failure)) {
        const unsigned long number = setNumberOf(entry.path().filename().string());
        if (number != 0 && number != kept)
            old.push_back(entry.path());
    }
    for (const fs::path& path : old)
        fs::remove(path, failure);
}

std::string partName(unsigned long set, std::size_t part) {
    char name[64];
    std::snprintf(name, sizeof name, "%lu-part-%02zu.safetensors", set, part + 1);
    return name;
}

Error broken(const std::string& folder, const std::string& what) {
    return {ErrorCode::CheckpointInvalid, {folder, what}};
}

} // namespace

Result<void> writeTensorSet(const std::string& folder, const TensorFile& file, std::size_t largestPart) {
    std::error_code failure;
    fs::create_directories(folder, failure);
    if (failure)
        return Error{ErrorCode::FileNotWritable, {folder, failure.message()}};
    const unsigned long set = highestSetNumber(folder) + 1;

    nlohmann::ordered_json index;
    index["format"] = kFormat;
    index["metadata"] = file.metadata;
    index["parts"] = nlohmann::ordered_json::array();
    for (std::size_t begin = 0; begin < file.tensors.size();) {
        TensorFile part;
        std::size_t bytes = 0;
        std::size_t end = begin;
        for (; end < file.tensors.size(); ++end) {
            // The header takes the name, the shape and a few words.
            const StoredTensor& tensor = file.tensors[end];
            const std::size_t more = tensor.bytes.size() + 2 * tensor.name.size() + 256;
            if (end > begin && bytes + more > largestPart)
                break;
            bytes += more;
            part.tensors.push_back(tensor);
        }
        const std::string name = partName(set, index["parts"].size());
        const std::string path = (fs::path(folder) / name).string();
        part.source = path;
        const Result<std::vector<unsigned char>> packed = packSafetensors(part);
        if (!packed)
            return packed.error();
        if (Result<void> written = writeWholeFile(path, *packed); !written)
            return written;
        index["parts"].push_back({{"file", name}, {"bytes", packed->size()}, {"sha256", sha256Hex(*packed)}});
        begin = end;
    }
    const std::string text = index.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (Result<void> written =
            writeWholeFile((fs::path(folder) / kIndexName).string(),
                           {reinterpret_cast<const unsigned char*>(text.data()), text.size()});
        !written)
        return written;
    removeOtherSets(folder, set);
    return {};
}

Result<TensorFile> readTensorSet(const std::string& folder) {
    const std::string indexPath = (fs::path(folder) / kIndexName).string();
    const Result<ByteSource> source = ByteSource::open(indexPath);
    if (!source)
        return source.error();
    if (source->size() > kMaxIndexBytes)
        return broken(folder, "its index is too large");
    std::vector<unsigned char> text(source->size());
    if (Result<void> read = source->read(0, text); !read)
        return read.error();
    const nlohmann::json index = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    TensorFile file;
    file.source = folder;
    try {
        if (index.at("format") != kFormat)
            return broken(folder, "its index is not one of parts");
        file.metadata = index.at("metadata").get<std::map<std::string, std::string>>();
        if (index.at("parts").size() > kMaxParts)
            return broken(folder, "its index names too many parts");
        for (const nlohmann::json& part : index.at("parts")) {
            const auto name = part.at("file").get<std::string>();
            // A part lies in the folder itself: a name that leads elsewhere is not followed.
            if (setNumberOf(name) == 0 || name.find('/') != std::string::npos)
                return broken(folder, "its index names the part " + shownName(name));
            const std::string path = (fs::path(folder) / name).string();
            const Result<std::string> hash = sha256OfFile(path);
            if (!hash)
                return hash.error();
            if (*hash != part.at("sha256").get<std::string>())
                return broken(folder, "its part " + name + " is not the one that was written");
            Result<TensorFile> read = readSafetensors(path);
            if (!read)
                return read.error();
            for (StoredTensor& tensor : read->tensors)
                file.tensors.push_back(std::move(tensor));
        }
    } catch (const nlohmann::json::exception&) {
        return broken(folder, "its index is damaged");
    }
    return file;
}

bool hasTensorSet(const std::string& folder) {
    std::error_code failure;
    return fs::exists(fs::path(folder) / kIndexName, failure);
}

} // namespace limn
