// SPDX-License-Identifier: GPL-3.0-or-later
// How long it takes from a stroke's end until it outlives the program (journal), a power failure (journal on
// the disk), and until it is in the project file; and how long the thread that draws is held up. Strokes of
// 31 events with a 500 px brush on 4096 x 4096 pixels. By hand:
//     bench_saver [FOLDER [STROKES [PAUSE_MS]]]
#include "app/document/annotation_document.h"
#include "app/document/tool_strokes.h"
#include "app/project/annotation_conversion.h"
#include "app/project/saver.h"

#include <QCoreApplication>
#include <QDir>
#include <QTemporaryDir>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

using namespace limn;
using Clock = std::chrono::steady_clock;

namespace {

double since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

void print(const char* what, std::vector<double> ms) {
    if (ms.empty()) {
        std::printf("%-44s none\n", what);
        return;
    }
    std::sort(ms.begin(), ms.end());
    std::printf("%-44s median %8.2f ms   95 %% %8.2f ms   most %8.2f ms   (%zu)\n", what, ms[ms.size() / 2],
                ms[ms.size() * 95 / 100], ms.back(), ms.size());
}

} // namespace

int main(int argc, char** argv) {
    const QCoreApplication application(argc, argv);
    QTemporaryDir temporary;
    const QString folder = argc > 1 ? QString::fromLocal8Bit(argv[1]) : temporary.path();
    const int strokes = argc > 2 ? std::atoi(argv[2]) : 60;
    const int pauseMs = argc > 3 ? std::atoi(argv[3]) : 100;
    const Size size{4096, 4096};
    const std::string path = QDir(folder).filePath(QStringLiteral("bench_saver.limn")).toStdString();
    ImageId image = 0;
    {
        auto store = ProjectStore::open(path, {});
        ImageRecord record;
        record.path = "bench.png";
        record.size = size;
        if (!store)
            return 1;
        const auto ids = (*store)->addImages(std::span(&record, 1), kNobody);
        if (!ids || ids->front() == 0)
            return 1;
        image = ids->front();
    }
    std::mutex mutex;
    std::map<double, Clock::time_point> byThreshold;
    std::vector<double> journal;
    std::vector<double> disk;
    std::vector<double> file;
    const auto note = [&](const StoredAnnotation& annotation, std::vector<double>& times) {
        const std::lock_guard lock(mutex);
        times.push_back(since(byThreshold.at(*annotation.threshold)));
    };
    SaverCallbacks callbacks;
    callbacks.journaled = [&](const StoredAnnotation& annotation, bool onDisk) {
        note(annotation, onDisk ? disk : journal);
    };
    callbacks.saved = [&](const StoredAnnotation& annotation, const SavedAnnotation&, bool) {
        note(annotation, file);
    };
    std::vector<double> handing;
    std::vector<double> drawing;
    {
        Saver saver([path](bool) { return ProjectStore::open(path, {}); }, callbacks);
        saver.wait([](const Result<ProjectStore*>&) {});
        AnnotationDocument document(size);
        Brush brush;
        brush.diameterPx = 500.0;
        for (int i = 0; i < strokes; ++i) {
            const auto began = Clock::now();
            auto stroke =
                document.beginStroke(StepKind::BrushStroke, {.label = static_cast<std::uint8_t>(1)});
            BrushSample last{{300.0 + (i * 911) % 3400, 300.0 + (i * 577) % 3400}, 1.0};
            for (int event = 0; event < 31; ++event) {
                BrushSample next = last;
                next.position.x += 12.0 * ((i % 3) - 1) + 3.0;
                next.position.y += 9.0;
                const PixelArea area = brushArea(brush, last, next, document.bounds());
                if (i % 2 == 0)
                    (void)stroke->paint(area);
                else
                    (void)stroke->erase(area);
                last = next;
            }
            stroke->finish();
            drawing.push_back(since(began));
            const auto end = Clock::now();
            StoredAnnotation stored = toStored(document.snapshot(), image, kAgreed);
            stored.threshold = i + 1; // tells the strokes apart
            {
                const std::lock_guard lock(mutex);
                byThreshold[i + 1] = end;
            }
            saver.save(std::make_shared<const StoredAnnotation>(std::move(stored)));
            handing.push_back(since(end));
            std::this_thread::sleep_for(std::chrono::milliseconds(pauseMs));
        }
        (void)saver.flush(60000);
    }
    std::printf("%d strokes of 31 events, 500 px on 4096 x 4096, %d ms between them\n", strokes, pauseMs);
    print("drawing a stroke (31 events and its end)", drawing);
    print("the drawing thread is held up", handing);
    print("stroke's end to the journal (kill)", journal);
    print("stroke's end to the disk (power failure)", disk);
    print("stroke's end to the project file", file);
    return 0;
}
