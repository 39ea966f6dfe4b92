// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: labelme's keys and shapes as its reader expects them, masks with inclusive corners and a PNG of
// exactly that size; YOLO's lines with coordinates from 0 to 1 that give back the same pixel corners for
// every image size. Expected texts are written out by hand.
#include "io/export/labelme_file.h"
#include "io/export/yolo_file.h"
#include "io/images/mask_files.h"

#include <QByteArray>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <nlohmann/json.hpp>

#include <cmath>
#include <sstream>

using namespace limn;

namespace {

ExportedRegion rectangle(const Rect& box, const std::string& label) {
    ExportedRegion region;
    region.label = label;
    region.outers = {
        {{box.x, box.y}, {box.right(), box.y}, {box.right(), box.bottom()}, {box.x, box.bottom()}}};
    region.bounds = box;
    region.areaPixels = Size{box.width, box.height}.pixels();
    return region;
}

} // namespace

class TestLabelmeYolo : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void labelmePolygons() {
        const Result<std::string> text = labelmeText(
            {1, "../images/a.jpg", {40, 30}},
            {{rectangle({2, 3, 4, 5}, "Lesion"), {}, std::nullopt, "SCT 52988006 Lesion"}}, {"no_lesion"});
        QVERIFY(text.ok());
        QCOMPARE(*text, std::string(R"({
  "version": "7.1.0",
  "flags": {
    "no_lesion": true
  },
  "shapes": [
    {
      "label": "Lesion",
      "points": [
        [
          2.0,
          3.0
        ],
        [
          6.0,
          3.0
        ],
        [
          6.0,
          8.0
        ],
        [
          2.0,
          8.0
        ]
      ],
      "group_id": null,
      "description": "SCT 52988006 Lesion",
      "shape_type": "polygon",
      "flags": {},
      "mask": null
    }
  ],
  "imagePath": "../images/a.jpg",
  "imageData": null,
  "imageHeight": 30,
  "imageWidth": 40
}
)"));
    }

    void labelmeMasks() {
        ExportedRegion ring = rectangle({10, 20, 3, 4}, "Lesion");
        ring.holes = {{{11, 21}, {11, 22}, {12, 22}, {12, 21}}};
        LabelMap patch({3, 4}, 1);
        patch.at(1, 1) = 0;
        const Result<std::string> text = labelmeText({1, "a.jpg", {40, 30}}, {{ring, patch, 5, ""}}, {});
        QVERIFY(text.ok());
        const auto json = nlohmann::json::parse(*text);
        const auto& shape = json["shapes"][0];
        QCOMPARE(shape["shape_type"].get<std::string>(), std::string("mask"));
        // The last pixel, not the corner behind it.
        QVERIFY(shape["points"] == nlohmann::json::parse("[[10.0,20.0],[12.0,23.0]]"));
        QCOMPARE(shape["group_id"].get<int>(), 5);
        QTemporaryDir dir;
        const QString path = dir.filePath(QStringLiteral("mask.png"));
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray::fromBase64(QByteArray::fromStdString(shape["mask"].get<std::string>())));
        file.close();
        const Result<LabelMap> read = readLabelMap(path.toStdString());
        QVERIFY(read.ok());
        QVERIFY(*read == patch);
    }

    void yoloLines() {
        ExportedRegion two = rectangle({2, 1, 2, 2}, "Polyp");
        two.outers.push_back({{0, 0}, {1, 0}, {1, 1}, {0, 1}});
        QCOMPARE(yoloText({1, "", {8, 4}}, {two, rectangle({7, 3, 1, 1}, "Tool")}, {0, 3}),
                 std::string("0 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n"
                             "0 0 0 0.125 0 0.125 0.25 0 0.25\n"
                             "3 0.875 0.75 1 0.75 1 1 0.875 1\n"));
        QCOMPARE(yoloText({1, "", {8, 4}}, {}, {}), std::string());
        QCOMPARE(yoloDataText({"Lesion", "Hair: \"grey\""}),
                 std::string("path: .\ntrain: images/train\nval: images/train\nnames:\n"
                             "  0: \"Lesion\"\n  1: \"Hair: \\\"grey\\\"\"\n"));
    }

    void yoloCornersComeBackAtEverySize() {
        for (const int side : {1, 3, 7, 641, 4096, 12345, 16383, 16384}) {
            ExportedRegion region;
            CornerRing ring;
            for (int i = 0; i <= side; i += std::max(1, side / 997))
                ring.push_back({i, side - i});
            region.outers = {ring};
            std::istringstream line(yoloText({1, "", {side, side}}, {region}, {0}));
            int category = 0;
            line >> category;
            for (const Corner& corner : ring) {
                double x = 0.0;
                double y = 0.0;
                QVERIFY(line >> x >> y);
                QVERIFY(x >= 0.0 && x <= 1.0 && y >= 0.0 && y <= 1.0);
                QVERIFY(std::abs(x * side - corner.x) < 1e-4 && std::abs(y * side - corner.y) < 1e-4);
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestLabelmeYolo)
#include "tst_labelme_yolo.moc"
