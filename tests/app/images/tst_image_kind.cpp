// SPDX-License-Identifier: GPL-3.0-or-later
// The guess of an image's kind: right on what our generator draws at any size, and on nearly all real images
// where they are there.
#include "app/images/folder_kind.h"
#include "app/images/image_kind.h"
#include "app/images/open_image.h"
#include "io/core/drawn_image.h"
#include "io/images/mask_files.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

using namespace limn;

namespace {

Image flatImage(const std::array<std::uint8_t, 3>& colour) {
    Image image;
    image.size = {80, 60};
    for (std::size_t i = 0; i < image.size.pixels(); ++i)
        image.rgb.insert(image.rgb.end(), colour.begin(), colour.end());
    return image;
}

} // namespace

class TestImageKind : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void drawnImages() {
        int wrong = 0, all = 0;
        for (const DrawnKind kind : {DrawnKind::Dermoscopy, DrawnKind::Endoscopy}) {
            for (const Size size : {Size{256, 256}, Size{640, 480}, Size{1200, 900}}) {
                for (std::uint64_t seed = 0; seed < 30; ++seed) {
                    const ImageKind expected =
                        kind == DrawnKind::Dermoscopy ? ImageKind::Dermoscopy : ImageKind::Endoscopy;
                    wrong += guessImageKind(drawImage(kind, size, seed).image) != expected;
                    ++all;
                }
            }
        }
        // The generator goes to extremes on purpose, such as dermoscopy in a dark, warm vignette.
        QVERIFY2(wrong <= all / 7, qPrintable(QStringLiteral("%1 of %2 wrong").arg(wrong).arg(all)));
    }

    void demoImages() {
        const QDir folder(QStringLiteral(LIMN_SOURCE_DIR "/resources/demo"));
        int seen = 0;
        QStringList wrong;
        for (const QFileInfo& file : folder.entryInfoList({QStringLiteral("*.jpg")}, QDir::Files)) {
            if (file.fileName().contains(QLatin1String("mask")))
                continue;
            const Result<Image> image = openImage(file.filePath().toStdString());
            QVERIFY2(image.ok(), qPrintable(file.fileName()));
            const bool endoscopy = file.fileName().startsWith(QLatin1String("endo"));
            if (guessImageKind(*image) != (endoscopy ? ImageKind::Endoscopy : ImageKind::Dermoscopy))
                wrong.append(file.fileName());
            ++seen;
        }
        QVERIFY(seen >= 12);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char(' '))));
    }

    void realImages_data() {
        QTest::addColumn<QString>("folder");
        QTest::addColumn<bool>("endoscopy");
        QTest::newRow("dermoscopy, ISIC 2017") << "dermoscopy/isic2017-train-256" << false;
        QTest::newRow("dermoscopy, original size") << "fullres-samples" << false;
        QTest::newRow("endoscopy, Kvasir") << "polyp/kvasir-train-256" << true;
        QTest::newRow("endoscopy, ClinicDB") << "polyp/clinicdb-train-256" << true;
    }
    void realImages() {
        QFETCH(QString, folder);
        QFETCH(bool, endoscopy);
        QDir dir(QStringLiteral(LIMN_SHARED_DIR "/data/") + folder);
        if (dir.exists(QStringLiteral("images")))
            dir.cd(QStringLiteral("images"));
        const QFileInfoList files =
            dir.entryInfoList({QStringLiteral("*.jpg"), QStringLiteral("*.png")}, QDir::Files);
        if (files.isEmpty())
            QSKIP(qPrintable(QStringLiteral("There are no images in %1.").arg(dir.path())));
        // One in five; all of them with LIMN_FULL=1.
        const int step = qEnvironmentVariableIsSet("LIMN_FULL") || files.size() < 50 ? 1 : 5;
        std::vector<std::string> paths;
        for (const QFileInfo& file : files)
            paths.push_back(file.filePath().toStdString());
        const std::vector<double> odds = folderOdds(paths);
        const ImageKind kind = endoscopy ? ImageKind::Endoscopy : ImageKind::Dermoscopy;
        int wrong = 0, wrongInFolder = 0, seen = 0;
        for (std::size_t i = 0; i < paths.size(); i += static_cast<std::size_t>(step)) {
            const Result<Image> image = openImage(paths[i]);
            if (!image)
                continue;
            ++seen;
            wrong += guessImageKind(*image) != kind;
            wrongInFolder += guessImageKind(*image, odds[i]) != kind;
        }
        QVERIFY(seen > 0);
        std::printf("%s: of %d alone %d wrong, as one of its folder %d\n", qPrintable(folder), seen, wrong,
                    wrongInFolder);
        QVERIFY2(wrong <= seen / 50, qPrintable(QStringLiteral("%1 of %2 wrong").arg(wrong).arg(seen)));
        QVERIFY2(wrongInFolder <= seen / 100,
                 qPrintable(QStringLiteral("%1 of %2 wrong").arg(wrongInFolder).arg(seen)));
    }

    // What a decoder gives in rows is judged as the whole image is.
    void rowsSayTheSame() {
        for (const Size size : {Size{640, 480}, Size{50, 40}, Size{7, 900}, Size{1, 1}}) {
            for (const DrawnKind kind : {DrawnKind::Dermoscopy, DrawnKind::Endoscopy}) {
                Image image = drawImage(kind, {640, 480}, 4).image;
                image.size = size;
                image.rgb.resize(3 * size.pixels(), 90);
                const ImageLook whole = lookOf(image);
                for (const int step : {1, 16, 37, 1000}) {
                    LookSampler sampler(size);
                    for (int y = 0; y < size.height; y += step)
                        sampler.add(image.pixel(0, y), std::min(step, size.height - y));
                    QCOMPARE(sampler.kind(), guessImageKind(image));
                    QCOMPARE(sampler.look().blueShare, whole.blueShare);
                    QCOMPARE(sampler.look().saturation, whole.saturation);
                    QCOMPARE(sampler.look().darkCorners, whole.darkCorners);
                }
            }
        }
    }

    // A folder of skin, and one picture in it that alone would be taken for gut by a little; a tube's dark
    // corners are still believed. Three pictures are no folder.
    void aFolderSpeaksForItsImages() {
        QTemporaryDir dir;
        std::vector<std::string> files;
        const auto add = [&](const QString& name, const Image& image) {
            files.push_back(dir.filePath(name).toStdString());
            QDir().mkpath(QFileInfo(dir.filePath(name)).path());
            QVERIFY(writePng(files.back(), image).ok());
        };
        const Image skin = flatImage({200, 160, 150});
        const Image doubtful = flatImage({200, 115, 80});
        const Image gut = drawImage(DrawnKind::Endoscopy, {640, 480}, 4).image;
        QCOMPARE(guessImageKind(skin), ImageKind::Dermoscopy);
        QCOMPARE(guessImageKind(doubtful), ImageKind::Endoscopy);
        QCOMPARE(guessImageKind(gut), ImageKind::Endoscopy);
        for (int i = 0; i < 12; ++i)
            add(QStringLiteral("folder/%1.png").arg(i, 2, 10, QLatin1Char('0')), i == 5 ? doubtful : skin);
        add(QStringLiteral("folder/broken.png"), skin);
        QFile broken(QString::fromStdString(files.back()));
        QVERIFY(broken.open(QIODevice::WriteOnly | QIODevice::Truncate));
        broken.close();
        for (int i = 0; i < 3; ++i)
            add(QStringLiteral("few/%1.png").arg(i), skin);
        const std::vector<double> odds = folderOdds(files);
        QCOMPARE(odds.size(), files.size());
        for (std::size_t i = 0; i < 13; ++i)
            QCOMPARE(odds[i], odds[0]);
        QVERIFY2(odds[0] < -1.0 && odds[0] >= -std::log(10.0), qPrintable(QString::number(odds[0])));
        QCOMPARE(odds[13], 0.0);
        QCOMPARE(guessImageKind(doubtful, odds[0]), ImageKind::Dermoscopy);
        QCOMPARE(guessImageKind(gut, odds[0]), ImageKind::Endoscopy);
        QCOMPARE(folderOdds({}).size(), std::size_t{0});
    }

    void emptyImageIsUnknown() { QCOMPARE(guessImageKind(Image{}), ImageKind::Unknown); }

    void modelsSayTheirKindByName() {
        QCOMPARE(modelKind("dermoscopy"), ImageKind::Dermoscopy);
        QCOMPARE(modelKind("Skin-2026"), ImageKind::Dermoscopy);
        QCOMPARE(modelKind("polyp"), ImageKind::Endoscopy);
        QCOMPARE(modelKind("ward3-Colonoscopy"), ImageKind::Endoscopy);
        QCOMPARE(modelKind("best"), ImageKind::Unknown);
    }
};

QTEST_GUILESS_MAIN(TestImageKind)
#include "tst_image_kind.moc"
