// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: one seed makes one sample, the mask goes where its picture goes, strength 0 changes nothing, the
// held-out tenth never moves, and batches come in order and equal for any number of threads. No LibTorch.
#include "inference/plain/resample.h"
#include "inference/training/batches.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <set>

using namespace limn;

namespace {

struct Made {
    std::vector<std::uint8_t> planes;
    std::vector<std::uint8_t> mask;
    bool operator==(const Made&) const = default;
};

Made made(const TrainingSample& sample, const AugmentOptions& options, int side, std::uint64_t seed,
          const TrainingSample* donor = nullptr) {
    const std::size_t pixels = static_cast<std::size_t>(side) * side;
    Made out{std::vector<std::uint8_t>(pixels * 3), std::vector<std::uint8_t>(pixels)};
    augment(sample, options, side, seed, out.planes, out.mask, donor);
    return out;
}

AugmentOptions nothing() {
    AugmentOptions options;
    options.flipProbability = 0.0;
    options.rotationProbability = 0.0;
    return options;
}

// Everything that moves pixels, and nothing that recolours them.
AugmentOptions geometryAlone() {
    AugmentOptions options = strongAugmentation();
    options.colour = 0.0;
    options.blurProbability = 0.0;
    options.noiseProbability = 0.0;
    options.artefactProbability = 0.0;
    options.cutoutProbability = 0.0;
    return options;
}

// A picture that is 200 exactly where its mask is 1, and 0 elsewhere.
TrainingSample disc(Size size, double centreX, double centreY, double radius, int within = 200,
                    int beyond = 0) {
    TrainingSample sample{"disc", size, std::vector<std::uint8_t>(size.pixels() * 3),
                          std::vector<std::uint8_t>(size.pixels())};
    for (int y = 0; y < size.height; ++y) {
        for (int x = 0; x < size.width; ++x) {
            const bool inside = std::hypot(x + 0.5 - centreX, y + 0.5 - centreY) <= radius;
            const std::size_t i = static_cast<std::size_t>(y) * size.width + x;
            sample.mask[i] = inside ? 1 : 0;
            for (std::size_t c = 0; c < 3; ++c)
                sample.rgb[i * 3 + c] = static_cast<std::uint8_t>(inside ? within : beyond);
        }
    }
    return sample;
}

TrainingSample drawn(Size size, std::uint64_t seed) {
    DrawnImage image = drawImage(DrawnKind::Dermoscopy, size, seed);
    return {"drawn", image.image.size, std::move(image.image.rgb), std::move(image.mask.labels)};
}

double shareInside(const std::vector<std::uint8_t>& mask) {
    double sum = 0.0;
    for (const std::uint8_t value : mask)
        sum += value / 255.0;
    return sum / static_cast<double>(mask.size());
}

TrainingSet setOf(int count) {
    TrainingSet set;
    for (int i = 0; i < count; ++i) {
        set.training.push_back(drawn({40, 30}, 100 + i));
        set.training.back().name = "sample-" + std::to_string(i);
    }
    return set;
}

TrainOptions batchOptions() {
    TrainOptions options;
    options.augmentation = strongAugmentation();
    options.drawnKinds = {DrawnKind::Dermoscopy, DrawnKind::Endoscopy};
    options.batch = 4;
    options.epochs = 5;
    options.inputSize = 48;
    options.sizeSchedule = {{0.0, 32}, {0.4, 48}};
    options.drawnShare = 0.5;
    options.drawnUntil = 0.4;
    return options;
}

// Bytes as a key of a set: GCC 12 warns, wrongly, where sets order vectors of bytes.
std::string textOf(const std::vector<std::uint8_t>& bytes) {
    return {bytes.begin(), bytes.end()};
}

} // namespace

class AugmentTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oneSeedOneSample() {
        const TrainingSample sample = drawn({60, 45}, 3);
        std::set<std::string> different;
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            const Made first = made(sample, strongAugmentation(), 48, seed);
            QVERIFY2(first == made(sample, strongAugmentation(), 48, seed),
                     qPrintable(QString::number(seed)));
            different.insert(textOf(first.planes));
        }
        QCOMPARE(different.size(), std::size_t{20});
    }

    void strengthNothingIsTheIdentity() {
        const TrainingSample sample = drawn({48, 48}, 5);
        const Made out = made(sample, nothing(), 48, 77);
        for (std::size_t i = 0; i < sample.mask.size(); ++i) {
            if (out.mask[i] != 255 * sample.mask[i])
                QFAIL(qPrintable(QStringLiteral("mask %1").arg(i)));
            for (std::size_t c = 0; c < 3; ++c)
                if (out.planes[c * sample.mask.size() + i] != sample.rgb[i * 3 + c])
                    QFAIL(qPrintable(QStringLiteral("pixel %1").arg(i)));
        }
    }

    // At another size: plain bilinear resampling, as resample.h defines it.
    void strengthNothingAtAnotherSize() {
        const TrainingSample sample = drawn({40, 30}, 5);
        const int side = 64;
        const Made out = made(sample, nothing(), side, 78);
        std::vector<float> wanted(static_cast<std::size_t>(side) * side * 3);
        resizeRgb(sample.rgb, sample.size, {0, 0, 40, 30}, {side, side}, ResizeMode::Plain, wanted);
        float worst = 0.0f;
        for (std::size_t i = 0; i < wanted.size(); ++i)
            worst = std::max(worst, std::abs(wanted[i] - static_cast<float>(out.planes[i])));
        QVERIFY2(worst <= 0.51f, qPrintable(QString::number(worst)));
    }

    void theMaskFollowsThePicture_data() {
        QTest::addColumn<int>("width");
        QTest::addColumn<int>("height");
        QTest::newRow("square") << 64 << 64;
        QTest::newRow("wide") << 80 << 50;
        QTest::newRow("upright") << 40 << 70;
    }
    void theMaskFollowsThePicture() {
        QFETCH(int, width);
        QFETCH(int, height);
        const TrainingSample sample = disc({width, height}, 0.4 * width, 0.55 * height, 12.0);
        std::set<std::string> places;
        for (std::uint64_t seed = 0; seed < 60; ++seed) {
            const Made out = made(sample, geometryAlone(), 56, seed);
            for (std::size_t i = 0; i < out.mask.size(); ++i)
                if (std::abs(out.planes[i] / 200.0 - out.mask[i] / 255.0) > 0.006)
                    QFAIL(qPrintable(QStringLiteral("seed %1, pixel %2: picture %3, mask %4")
                                         .arg(seed)
                                         .arg(i)
                                         .arg(out.planes[i])
                                         .arg(out.mask[i])));
            places.insert(textOf(out.mask));
        }
        QVERIFY(places.size() > 55);
    }

    void flipsAreExact() {
        const TrainingSample sample = drawn({32, 32}, 9);
        AugmentOptions options = nothing();
        options.flipProbability = 1.0;
        const Made out = made(sample, options, 32, 1);
        for (std::size_t i = 0; i < sample.mask.size(); ++i) {
            const std::size_t opposite = sample.mask.size() - 1 - i; // both flips: the order is reversed
            if (out.mask[i] != 255 * sample.mask[opposite] || out.planes[i] != sample.rgb[opposite * 3])
                QFAIL(qPrintable(QString::number(i)));
        }
    }

    void turningKeepsTheArea() {
        const TrainingSample sample = disc({64, 64}, 32.0, 32.0, 20.0);
        AugmentOptions options = nothing();
        options.rotationProbability = 1.0;
        const double before = shareInside(made(sample, nothing(), 64, 0).mask);
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            const double after = shareInside(made(sample, options, 64, seed).mask);
            QVERIFY2(std::abs(after - before) < 0.01 * before, qPrintable(QString::number(after)));
        }
    }

    void zoomStaysWithinItsLimit() {
        const TrainingSample sample = disc({64, 64}, 32.0, 32.0, 10.0);
        AugmentOptions options = nothing();
        options.logScale = 0.4;
        const double before = shareInside(made(sample, nothing(), 64, 0).mask);
        double least = 1e9;
        double most = 0.0;
        for (std::uint64_t seed = 0; seed < 100; ++seed) {
            const double times = shareInside(made(sample, options, 64, seed).mask) / before;
            least = std::min(least, times);
            most = std::max(most, times);
        }
        // The area goes with the square of the zoom, which is within exp(+-0.4).
        QVERIFY2(least > std::exp(-0.82) && least < std::exp(-0.6), qPrintable(QString::number(least)));
        QVERIFY2(most < std::exp(0.82) && most > std::exp(0.6), qPrintable(QString::number(most)));
    }

    // What lies over a lesion hides it; the truth is unchanged.
    void artefactsAndColoursLeaveTheMask() {
        const TrainingSample sample = drawn({64, 64}, 11);
        AugmentOptions everything = strongAugmentation();
        everything.artefactProbability = 1.0;
        everything.cutoutProbability = 1.0;
        everything.blurProbability = 1.0;
        everything.noiseProbability = 1.0;
        for (std::uint64_t seed = 0; seed < 10; ++seed) {
            const Made plain = made(sample, geometryAlone(), 64, seed);
            const Made covered = made(sample, everything, 64, seed);
            QVERIFY(plain.mask == covered.mask);
            QVERIFY(plain.planes != covered.planes);
        }
    }

    // The donor's disc lands beside the picture's own: the mask is of both, the rest stays as it is, and the
    // disc keeps its contrast while its colours come as near to their new surroundings as chance has it.
    void anotherPicturesAreaIsPasted() {
        const Size size{64, 64};
        const TrainingSample sample = disc(size, 16, 32, 10, 160, 100);
        const TrainingSample donor = disc(size, 46, 32, 12, 220, 140);
        std::set<int> shades;
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            const Made alone = made(sample, nothing(), 64, seed);
            const Made both = made(sample, nothing(), 64, seed, &donor);
            QVERIFY(both == made(sample, nothing(), 64, seed, &donor));
            for (int y = 0; y < 64; ++y) {
                for (int x = 0; x < 64; ++x) {
                    const std::size_t i = static_cast<std::size_t>(y) * 64 + x;
                    const double distance = std::hypot(x + 0.5 - 46, y + 0.5 - 32);
                    QCOMPARE(both.mask[i], static_cast<std::uint8_t>(distance <= 12.0 ? 255 : alone.mask[i]));
                    if (distance > 18.0) // beyond the soft edge
                        QCOMPARE(both.planes[i], alone.planes[i]);
                }
            }
            const int shade = both.planes[32 * 64 + 46];
            QVERIFY2(shade >= 179 && shade <= 221, qPrintable(QString::number(shade))); // 220 - 40 to 220
            shades.insert(shade);
        }
        QVERIFY(shades.size() > 5);
    }

    void nothingIsPastedWhereItWouldBeWrong_data() {
        QTest::addColumn<double>("radius");
        QTest::addColumn<int>("beyond");
        QTest::newRow("tooSmall") << 1.0 << 100;
        QTest::newRow("tooLarge") << 26.0 << 100;
        QTest::newRow("darkCorner") << 12.0 << 10;
    }
    void nothingIsPastedWhereItWouldBeWrong() {
        QFETCH(double, radius);
        QFETCH(int, beyond);
        const TrainingSample sample = disc({64, 64}, 12, 12, 6, 160, beyond);
        const TrainingSample donor = disc({64, 64}, 36, 34, radius, 220, 140);
        for (std::uint64_t seed = 0; seed < 5; ++seed)
            QVERIFY(made(sample, nothing(), 64, seed, &donor) == made(sample, nothing(), 64, seed));
    }

    // As often as asked for, and never in the calm part, which is changed less.
    void pastingAndTheCalmPart() {
        const TrainingSet set = setOf(8);
        TrainOptions options = batchOptions();
        options.drawnShare = 0.0;
        options.epochs = 20;
        options.augmentation.pasteProbability = 0.5;
        TrainOptions without = options;
        without.augmentation.pasteProbability = 0.0;
        TrainOptions calm = options;
        calm.calmFrom = 0.5;
        TrainOptions allCalm = options;
        allCalm.augmentation = calmAugmentation(options.augmentation);
        const auto masks = [&set](const TrainOptions& of, std::int64_t step) {
            const BatchMaker maker(set, of);
            Batch batch = maker.emptyBatch(step);
            for (int slot = 0; slot < maker.slots(); ++slot)
                maker.fill(step, slot, batch);
            return batch;
        };
        int pasted = 0;
        const std::int64_t steps = BatchMaker(set, options).totalSteps();
        for (std::int64_t step = 0; step < steps; ++step) {
            const Batch plain = masks(without, step);
            const Batch mixed = masks(options, step);
            const std::size_t pixels = plain.masks.size() / plain.count;
            for (int slot = 0; slot < plain.count; ++slot)
                pasted += !std::equal(plain.masks.begin() + slot * pixels,
                                      plain.masks.begin() + (slot + 1) * pixels,
                                      mixed.masks.begin() + slot * pixels);
            const Batch half = masks(calm, step);
            QVERIFY(half.planes == masks(2 * step < steps ? options : allCalm, step).planes);
        }
        // Half of 160, less those that would be too large or too small.
        QVERIFY2(pasted > 30 && pasted < 100, qPrintable(QString::number(pasted)));
        const AugmentOptions weak = calmAugmentation(options.augmentation);
        QCOMPARE(weak.cutoutProbability + weak.artefactProbability + weak.pasteProbability, 0.0);
        QVERIFY(weak.colour < options.augmentation.colour && weak.logScale < options.augmentation.logScale);
        QCOMPARE(weak.flipProbability, options.augmentation.flipProbability);
    }

    void validationSamples() {
        const TrainingSample sample = drawn({70, 50}, 13);
        const std::size_t pixels = 32 * 32;
        std::vector<float> planes(pixels * 3);
        std::vector<float> mask(pixels);
        plainSample(sample, 32, planes, mask);
        const auto [low, high] = std::minmax_element(planes.begin(), planes.end());
        // Stretched before it was shrunk: the extremes come near, and never beyond.
        QVERIFY2(*low >= 0.0f && *low < 10.0f, qPrintable(QString::number(*low)));
        QVERIFY2(*high < 255.01f && *high > 230.0f, qPrintable(QString::number(*high)));
        double inside = 0.0;
        for (const float value : mask) {
            if (value < 0.0f || value > 1.0f)
                QFAIL(qPrintable(QString::number(value)));
            inside += value;
        }
        double truth = 0.0;
        for (const std::uint8_t value : sample.mask)
            truth += value;
        QVERIFY(std::abs(inside / static_cast<double>(pixels) -
                         truth / static_cast<double>(sample.mask.size())) < 0.01);
    }

    // Weights were chosen with this tenth: it must be the same tenth for ever.
    void theHeldOutTenthNeverMoves() {
        int held = 0;
        std::string first;
        for (int i = 0; i < 10000; ++i) {
            char stem[32];
            std::snprintf(stem, sizeof stem, "ISIC_%07d", i);
            if (!isHeldOut(stem))
                continue;
            ++held;
            if (i < 200)
                first += std::to_string(i) + " ";
        }
        QCOMPARE(held, 999);
        QCOMPARE(
            first,
            std::string("0 17 26 33 46 48 55 66 68 82 88 93 99 103 109 114 130 152 158 165 172 187 190 "));
    }

    void batchesInOrderForAnyNumberOfThreads() {
        const TrainingSet set = setOf(14);
        const TrainOptions options = batchOptions();
        const BatchMaker maker(set, options);
        QCOMPARE(maker.stepsPerEpoch(), std::int64_t{3}); // the rest of 14 is left for another epoch
        for (const std::int64_t firstStep : {std::int64_t{0}, std::int64_t{4}}) {
            BatchQueue one(maker, firstStep, 1);
            BatchQueue four(maker, firstStep, 4);
            for (std::int64_t step = firstStep; step < maker.totalSteps(); ++step) {
                const std::unique_ptr<Batch> a = one.next();
                const std::unique_ptr<Batch> b = four.next();
                Batch wanted = maker.emptyBatch(step);
                for (int slot = 0; slot < maker.slots(); ++slot)
                    maker.fill(step, slot, wanted);
                QCOMPARE(a->side, wanted.side);
                QVERIFY2(a->names == wanted.names && a->planes == wanted.planes && a->masks == wanted.masks,
                         qPrintable(QStringLiteral("one thread, step %1").arg(step)));
                QVERIFY2(b->names == wanted.names && b->planes == wanted.planes && b->masks == wanted.masks,
                         qPrintable(QStringLiteral("four threads, step %1").arg(step)));
            }
        }
    }

    void aQueueThatIsNotEmptiedEnds() {
        const TrainingSet set = setOf(6);
        const TrainOptions options = batchOptions();
        const BatchMaker maker(set, options);
        std::unique_ptr<Batch> batch;
        {
            BatchQueue queue(maker, 0, 3);
            batch = queue.next();
        }
        QCOMPARE(batch->count, 4);
    }

    void anEpochTakesEverySampleOnce() {
        const TrainingSet set = setOf(12);
        TrainOptions options = batchOptions();
        options.drawnShare = 0.0;
        const BatchMaker maker(set, options);
        std::set<std::vector<std::string>> orders;
        for (int epoch = 0; epoch < options.epochs; ++epoch) {
            std::vector<std::string> names;
            for (std::int64_t i = 0; i < maker.stepsPerEpoch(); ++i) {
                const std::int64_t step = epoch * maker.stepsPerEpoch() + i;
                Batch batch = maker.emptyBatch(step);
                for (int slot = 0; slot < maker.slots(); ++slot)
                    maker.fill(step, slot, batch);
                names.insert(names.end(), batch.names.begin(), batch.names.end());
            }
            QCOMPARE(std::set<std::string>(names.begin(), names.end()).size(), std::size_t{12});
            orders.insert(names);
        }
        QCOMPARE(orders.size(), std::size_t{5}); // another order each time
    }

    // Many at the start, none from `drawnUntil` on, and sizes by whole epochs.
    void drawnImagesFadeAndSizesGrow() {
        const TrainingSet set = setOf(40);
        const TrainOptions options = batchOptions();
        const BatchMaker maker(set, options);
        int early = 0;
        int late = 0;
        for (std::int64_t step = 0; step < maker.totalSteps(); ++step) {
            const double done = static_cast<double>(step) / static_cast<double>(maker.totalSteps());
            QCOMPARE(maker.sideAt(step), done < 0.4 ? 32 : 48);
            Batch batch = maker.emptyBatch(step);
            for (int slot = 0; slot < maker.slots(); ++slot)
                maker.fill(step, slot, batch);
            for (const std::string& name : batch.names)
                (done < 0.4 ? early : late) += name.starts_with("drawn-") ? 1 : 0;
        }
        QVERIFY2(early >= 8 && early <= 35,
                 qPrintable(QString::number(early))); // of 80, a quarter on average
        QCOMPARE(late, 0);
    }
};

QTEST_GUILESS_MAIN(AugmentTest)
#include "tst_augment.moc"
