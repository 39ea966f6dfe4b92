// SPDX-License-Identifier: GPL-3.0-or-later
// Times of a project with 100,000 images (or as many as the first argument says): opening, filters, search,
// orders, one stroke's save at 4096 x 4096. Prints one line each; not a test, for its figures depend on the
// machine.
#include "app/project/worklist.h"
#include "io/store/project_store.h"
#include "tests/io/store/store_testing.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QTemporaryDir>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>

using namespace limn;
using namespace limn::testing;

namespace {

double millisecondsOf(const std::function<void()>& work) {
    QElapsedTimer timer;
    timer.start();
    work();
    return static_cast<double>(timer.nsecsElapsed()) / 1e6;
}

void line(const char* what, double milliseconds, std::size_t count) {
    std::printf("%-44s %9.1f ms  (%zu)\n", what, milliseconds, count);
}

void measure(const char* what, const Worklist& list, const WorklistFilter& filter, WorklistOrder order) {
    std::size_t found = 0;
    std::vector<double> times;
    for (int i = 0; i < 5; ++i)
        times.push_back(millisecondsOf([&] { found = list.select(filter, order, true).size(); }));
    line(what, *std::max_element(times.begin(), times.end()), found);
}

} // namespace

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    const int count = argc > 1 ? std::max(1, std::atoi(argv[1])) : 100000;
    QTemporaryDir dir;
    const std::string path = dir.filePath(QStringLiteral("large.limn")).toStdString();
    Random random(1);
    {
        const auto store = take(ProjectStore::open(path, {}));
        const PersonId ana = take(store->person("Ana"));
        std::vector<ImageRecord> records;
        for (int i = 0; i < count; ++i) {
            ImageRecord record;
            record.path =
                "patients/case" + std::to_string(random.below(5000)) + "/ISIC_" + std::to_string(i) + ".jpg";
            record.sha256 = std::string(56, 'a') + std::to_string(10000000 + i);
            record.size = {4096, 4096};
            records.push_back(record);
        }
        std::vector<ImageId> ids;
        line("add images", millisecondsOf([&] { ids = take(store->addImages(records, ana)); }), ids.size());
        const std::span<const ImageId> all(ids);
        line("set the state of a tenth", millisecondsOf([&] {
                 take(store->setState(all.first(all.size() / 10), ReviewState::Accepted, "", ana));
             }),
             all.size() / 10);

        LabelMap map({4096, 4096}, 1);
        StoredAnnotation before = annotationOf(ids[0], ana, map);
        before.revision = take(store->saveAnnotation(before)).revision;
        std::vector<double> times;
        for (int i = 0; i < 50; ++i) {
            fillRect(map, {random.below(3500), random.below(3500), 500, 500},
                     static_cast<std::uint8_t>(i % 3));
            StoredAnnotation now = annotationOf(ids[0], ana, map, &before.labels);
            now.revision = before.revision;
            times.push_back(
                millisecondsOf([&] { now.revision = take(store->saveAnnotation(now, &before)).revision; }));
            before = std::move(now);
        }
        std::sort(times.begin(), times.end());
        line("save a 500 px stroke on 4096 x 4096, median", times[25], 50);
        line("save a 500 px stroke on 4096 x 4096, 95 %", times[47], 50);
    }
    // Opened five times, as after a start of the program; with the times of its parts.
    Worklist list;
    for (int i = 0; i < 5; ++i) {
        std::unique_ptr<ProjectStore> store;
        std::vector<ImageRecord> images;
        const double file = millisecondsOf([&] { store = take(ProjectStore::open(path, {})); });
        const double read = millisecondsOf([&] { images = take(store->images()); });
        const double index = millisecondsOf([&] { list.reset(std::move(images)); });
        std::printf("open %d: file %.0f ms, images %.0f ms, index %.0f ms; together %.0f ms\n", i + 1, file,
                    read, index, file + read + index);
    }
    measure("all, project order", list, {}, WorklistOrder::Project);
    measure("all, by name", list, {}, WorklistOrder::Name);
    measure("all, by state", list, {}, WorklistOrder::State);
    measure("all, by uncertainty", list, {}, WorklistOrder::Uncertainty);
    measure("all, by last edit", list, {}, WorklistOrder::LastEdit);
    WorklistFilter filter;
    filter.states = {ReviewState::New};
    measure("new ones, by name", list, filter, WorklistOrder::Name);
    filter.text = "case12 77";
    measure("new ones with two words, by name", list, filter, WorklistOrder::Name);
    WorklistCounts counts;
    line("counts", millisecondsOf([&] { counts = list.counts(); }), counts.total);
    return 0;
}
