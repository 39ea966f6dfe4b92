// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: run lengths go down the columns and begin with background; the compressed text is COCO's, both
// against vectors worked out by hand from the definition; what is written is read back; polygons stand where
// there is no hole and run lengths where there is one; area and box are those of the pixels.
#include "io/export/coco_file.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <random>

using namespace limn;

namespace {

LabelMap maskOf(Size size, const std::string& rows) {
    LabelMap mask(size);
    for (std::size_t i = 0; i < rows.size(); ++i)
        mask.labels[i] = rows[i] == '#';
    return mask;
}

} // namespace

class TestCoco : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void runsGoDownTheColumns() {
        // Columns: ... | ##. | #.. | ..#
        const LabelMap mask = maskOf({4, 3}, ".##."
                                             ".#.."
                                             "...#");
        QCOMPARE(cocoRuns(mask), (CocoRuns{3, 2, 1, 1, 4, 1}));
        // 3, 2, 1 as they are; then 1 - 2 = -1, 4 - 1 = 3, 1 - 1 = 0.
        QCOMPARE(cocoRunText({3, 2, 1, 1, 4, 1}), std::string("321O30"));
    }

    void theFirstRunIsBackground() {
        const LabelMap ring = maskOf({3, 3}, "####.####");
        QCOMPARE(cocoRuns(ring), (CocoRuns{0, 4, 1, 4}));
        QCOMPARE(cocoRunText({0, 4, 1, 4}), std::string("0410"));
        QCOMPARE(cocoRuns(LabelMap({2, 2}, 1)), (CocoRuns{0, 4}));
        QCOMPARE(cocoRuns(LabelMap({2, 2})), (CocoRuns{4}));
    }

    void numbersInGroupsOfFiveBits() {
        // 50 = 1 10010b: group 18 with more, then 1. 40 = 1 01000b: 8 with more, then 1.
        // 23 - 40 = -17 = ...11111 01111b: 15 with more, then 31 whose bit 5 is the sign.
        QCOMPARE(cocoRunText({50, 40, 7, 23}), std::string("b1X17_O"));
        // 16 has bit 5 set and is positive: it needs a second group.
        QCOMPARE(cocoRunText({16}), std::string("`0"));
        QCOMPARE(cocoRunText({15}), std::string("?"));
    }

    void aPatchIsPlacedInItsImage() {
        const LabelMap patch = maskOf({2, 2}, "##"
                                              "##");
        for (const auto& [left, top] : {std::pair{0, 0}, {3, 0}, {0, 2}, {3, 2}, {1, 1}}) {
            LabelMap whole({5, 4});
            for (int y = 0; y < 2; ++y)
                for (int x = 0; x < 2; ++x)
                    whole.at(left + x, top + y) = 1;
            QCOMPARE(cocoRuns(patch, left, top, whole.size), cocoRuns(whole));
        }
    }

    void whatIsWrittenIsReadBack() {
        std::mt19937 random(7);
        for (int i = 0; i < 300; ++i) {
            const Size size{1 + static_cast<int>(random() % 70), 1 + static_cast<int>(random() % 70)};
            LabelMap mask(size);
            const unsigned share = random() % 11;
            for (std::uint8_t& value : mask.labels)
                value = random() % 10 < share;
            const CocoRuns runs = cocoRuns(mask);
            const Result<CocoRuns> again = cocoRunsFromText(cocoRunText(runs));
            QVERIFY(again.ok());
            QCOMPARE(*again, runs);
            const Result<LabelMap> back = maskFromCocoRuns(runs, size);
            QVERIFY(back.ok());
            QVERIFY(*back == mask);
        }
        // Runs as long as an image may be.
        const CocoRuns large{0, 1u << 28, 5, 1};
        QCOMPARE(*cocoRunsFromText(cocoRunText(large)), large);
    }

    void badTextIsRefused() {
        for (const char* text : {"b", "3\x7f", "000O", "3 2", "oooooooooo", "\xc3\xa4"})
            QVERIFY2(!cocoRunsFromText(text).ok(), text);
        QVERIFY(!maskFromCocoRuns({3, 2}, {2, 2}).ok());
    }

    void theFile() {
        CocoFile file;
        CocoFile::Piece plain;
        plain.region = {1, 1, "Lesion", {{{1, 0}, {3, 0}, {3, 2}, {1, 2}}}, {}, {1, 0, 2, 2}, 4};
        CocoFile::Piece ring;
        ring.region = {2,
                       7,
                       "Hair",
                       {{{0, 0}, {3, 0}, {3, 3}, {0, 3}}},
                       {{{1, 1}, {1, 2}, {2, 2}, {2, 1}}},
                       {0, 0, 3, 3},
                       8};
        ring.runs = {0, 4, 1, 4};
        file.addImage({11, "a/b \"c\".png", {6, 5}}, {plain});
        file.addImage({12, "d.png", {3, 3}}, {ring});
        file.addImage({13, "empty.png", {2, 2}}, {});
        QCOMPARE(file.annotations(), std::size_t{2});
        const auto json = nlohmann::json::parse(file.text(
            {{1, "Lesion", "SCT 52988006 Lesion"}, {7, "Hair", ""}}, "nevi", "2026-01-02T03:04:05Z"));
        QCOMPARE(json["images"].size(), std::size_t{3});
        QVERIFY(json["images"][0] ==
                nlohmann::json({{"id", 11}, {"width", 6}, {"height", 5}, {"file_name", "a/b \"c\".png"}}));
        QCOMPARE(json["categories"][1]["id"].get<int>(), 7);
        QCOMPARE(json["info"]["date_created"].get<std::string>(), std::string("2026-01-02T03:04:05Z"));
        const auto& first = json["annotations"][0];
        QVERIFY(first["segmentation"] == nlohmann::json::parse("[[1,0,3,0,3,2,1,2]]"));
        QVERIFY(first["bbox"] == nlohmann::json::parse("[1,0,2,2]"));
        QVERIFY(first["area"].is_number_float() && first["area"] == 4.0);
        QCOMPARE(first["iscrowd"].get<int>(), 0);
        QCOMPARE(first["image_id"].get<int>(), 11);
        const auto& second = json["annotations"][1];
        QCOMPARE(second["id"].get<int>(), 2);
        QCOMPARE(second["category_id"].get<int>(), 7);
        QVERIFY(second["segmentation"] == nlohmann::json({{"size", {3, 3}}, {"counts", "0410"}}));
        QVERIFY(second["area"] == 8.0);

        CocoFile lists(CocoCounts::List);
        lists.addImage({12, "d.png", {3, 3}}, {ring});
        const auto other = nlohmann::json::parse(lists.text({}, "", ""));
        QVERIFY(other["annotations"][0]["segmentation"]["counts"] == nlohmann::json({0, 4, 1, 4}));
    }
};

QTEST_GUILESS_MAIN(TestCoco)
#include "tst_coco.moc"
