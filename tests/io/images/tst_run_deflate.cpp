// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: zlib unpacks what RunDeflater packs, to the byte and with its check sum, whatever the runs are; a
// mask becomes about as small as zlib makes it.
#include "io/images/run_deflate.h"

#include <QTest>

#include <cmath>
#include <random>
#include <utility>

#include <zlib.h>

using limn::images::RunDeflater;

namespace {

struct Run {
    std::uint8_t value;
    std::size_t count;
};

std::vector<unsigned char> bytesOf(const std::vector<Run>& runs) {
    std::vector<unsigned char> bytes;
    for (const Run& run : runs)
        bytes.insert(bytes.end(), run.count, run.value);
    return bytes;
}

std::vector<unsigned char> packed(const std::vector<Run>& runs) {
    RunDeflater deflater;
    for (const Run& run : runs)
        deflater.add(run.value, run.count);
    return deflater.finish();
}

// zlib looks at the check sum at the stream's end.
bool unpacksTo(const std::vector<unsigned char>& stream, const std::vector<unsigned char>& expected) {
    std::vector<unsigned char> found(expected.size() + 100);
    uLongf size = found.size();
    uLong used = stream.size();
    if (uncompress2(found.data(), &size, stream.data(), &used) != Z_OK || used != stream.size())
        return false;
    found.resize(size);
    return found == expected;
}

} // namespace

class TestRunDeflate : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void nothing() { QVERIFY(unpacksTo(packed({}), {})); }

    // Each length alone, and after a run of another value.
    void everyLength() {
        for (std::size_t count = 1; count <= 800; ++count) {
            const std::vector<Run> runs = {{0, count}, {255, count}, {7, 1}, {255, 801 - count}};
            QVERIFY2(unpacksTo(packed(runs), bytesOf(runs)), qPrintable(QString::number(count)));
        }
    }

    void pieceByPieceIsTheSame() {
        QVERIFY(packed({{9, 5000}, {0, 0}, {9, 1}, {4, 2}, {4, 700}}) == packed({{9, 5001}, {4, 702}}));
    }

    // More than fits one sum in 32 bits, or one piece of the check sum.
    void longRuns() {
        const std::vector<Run> runs = {{255, 5000000}, {0, 3}, {254, 2097153}};
        QVERIFY(unpacksTo(packed(runs), bytesOf(runs)));
    }

    // Several blocks; counts so uneven that the best code would be longer than the format's 15 bits.
    void manySymbolsOfUnevenCounts() {
        std::mt19937 random(3);
        std::vector<Run> runs;
        for (int i = 0; i < 200000; ++i)
            runs.push_back({static_cast<std::uint8_t>(random() % 256), random() % 40});
        QVERIFY(unpacksTo(packed(runs), bytesOf(runs)));
        runs.clear();
        // Symbol k as often as Fibonacci's number k: each joins the sum of all before it.
        std::size_t a = 1;
        std::size_t b = 1;
        for (int symbol = 0; symbol < 22; ++symbol) {
            for (std::size_t i = 0; i < a; ++i) {
                runs.push_back({static_cast<std::uint8_t>(2 * symbol), 1});
                runs.push_back({255, 1});
            }
            b += std::exchange(a, b);
        }
        QVERIFY(unpacksTo(packed(runs), bytesOf(runs)));
    }

    void masksStaySmall() {
        constexpr int kWidth = 4000;
        constexpr int kHeight = 3000;
        std::vector<Run> runs;
        for (int y = 0; y < kHeight; ++y) {
            const double dy = (y - 1500) / 900.0;
            const int half = dy * dy < 1.0 ? static_cast<int>(1200.0 * std::sqrt(1.0 - dy * dy)) : 0;
            const auto outside = static_cast<std::size_t>(kWidth / 2 - half);
            runs.insert(runs.end(),
                        {{0, 1 + outside}, {255, static_cast<std::size_t>(2 * half)}, {0, outside}});
        }
        const std::vector<unsigned char> bytes = bytesOf(runs);
        std::vector<unsigned char> byZlib(compressBound(bytes.size()));
        uLongf size = byZlib.size();
        QCOMPARE(compress2(byZlib.data(), &size, bytes.data(), bytes.size(), 3), Z_OK);
        const std::vector<unsigned char> ours = packed(runs);
        qInfo("a disc of 12 megapixels: %zu bytes, %lu by zlib at level 3", ours.size(),
              static_cast<unsigned long>(size));
        QVERIFY(unpacksTo(ours, bytes));
        QVERIFY(ours.size() <= 2 * size);
    }
};

QTEST_APPLESS_MAIN(TestRunDeflate)
#include "tst_run_deflate.moc"
