// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: what is packed is unpacked bit for bit; a blob with any flipped bit, cut off, or of another
// length is refused. Values come from a generator with fixed seeds.
#include "io/store/blob_codec.h"
#include "tests/io/store/store_testing.h"

#include <QTest>

#include <cmath>
#include <cstring>
#include <limits>

using namespace limn;
using namespace limn::testing;

class TestBlobCodec : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void bytesRoundTrip_data() {
        QTest::addColumn<int>("count");
        QTest::newRow("none") << 0;
        QTest::newRow("one") << 1;
        QTest::newRow("oneTile") << 512 * 512;
    }
    void bytesRoundTrip() {
        QFETCH(int, count);
        std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
        Random random(2);
        for (std::uint8_t& byte : bytes)
            byte = static_cast<std::uint8_t>(random.below(3));
        const QByteArray blob = packBytes(bytes);
        const auto again = unpackBytes(blob, bytes.size());
        QVERIFY(again && *again == bytes);
        QVERIFY(!unpackBytes(blob, bytes.size() + 1));
    }

    void damageIsFound() {
        std::vector<std::uint8_t> bytes(4096);
        Random random(3);
        for (std::uint8_t& byte : bytes)
            byte = static_cast<std::uint8_t>(random.below(256));
        const QByteArray blob = packBytes(bytes);
        for (qsizetype at = 0; at < blob.size(); at += 7) {
            QByteArray damaged = blob;
            damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
            const auto read = unpackBytes(damaged, bytes.size());
            QVERIFY2(!read || *read == bytes, qPrintable(QStringLiteral("byte %1").arg(at)));
        }
        for (qsizetype length : {qsizetype(0), qsizetype(1), blob.size() / 2, blob.size() - 1})
            QVERIFY(!unpackBytes(blob.left(length), bytes.size()));
    }

    void aHugeClaimAllocatesNothing() {
        // A frame that says it holds 4 bytes is refused for any other size before memory is asked for.
        const std::vector<std::uint8_t> four(4, 1);
        QVERIFY(!unpackBytes(packBytes(four), std::numeric_limits<std::size_t>::max() / 2));
        QVERIFY(isSoundBlob(packBytes(four), 4));
        QVERIFY(!isSoundBlob(packBytes(four), 3));
        QVERIFY(!isSoundBlob(QByteArray("no frame"), 1000));
    }

    void probabilityRoundTripsAndShrinks() {
        ProbabilityMap map;
        map.size = {517, 389};
        map.values.resize(map.size.pixels());
        for (int y = 0; y < map.size.height; ++y) {
            for (int x = 0; x < map.size.width; ++x) {
                const double distance = std::hypot(x - 250.0, y - 190.0);
                map.values[static_cast<std::size_t>(y) * 517 + x] =
                    static_cast<std::uint16_t>(65535.0 / (1.0 + std::exp((distance - 120.0) / 9.0)));
            }
        }
        const QByteArray blob = packProbability(map);
        const auto again = unpackProbability(blob, map.size);
        QVERIFY(again && again->values == map.values && again->size == map.size);
        QVERIFY(blob.size() < static_cast<qsizetype>(map.values.size())); // less than half of 16 bits a pixel
        Random random(4);
        for (std::uint16_t& value : map.values)
            value = static_cast<std::uint16_t>(random.below(65536));
        const auto noise = unpackProbability(packProbability(map), map.size);
        QVERIFY(noise && noise->values == map.values);
        QVERIFY(!unpackProbability(blob, {517, 390}));
    }

    void floatsRoundTripBitForBit() {
        FloatMap map;
        map.size = {3, 2};
        map.values = {0.0f, -0.0f, 1.5e-42f, std::numeric_limits<float>::infinity(), 0.123456789f, -7.0f};
        const auto again = unpackFloats(packFloats(map), map.size);
        QVERIFY(again);
        QVERIFY(std::memcmp(again->values.data(), map.values.data(), 6 * sizeof(float)) == 0);
    }
};

QTEST_APPLESS_MAIN(TestBlobCodec)
#include "tst_blob_codec.moc"
