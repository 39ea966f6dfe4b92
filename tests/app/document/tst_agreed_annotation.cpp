// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the common part holds what both hold and nothing else; taking every disputed area from one side
// gives that side back, pixels and provenance; the originals keep every byte.
#include "app/document/agreed_annotation.h"
#include "app/measure/agreement.h"

#include <QTest>

using namespace limn;

namespace {

constexpr Size kSize{700, 600};

AnnotationSnapshot drawnBy(const std::string& person, const std::vector<std::pair<Rect, int>>& areas) {
    AnnotationDocument document(kSize);
    document.setPerson(person);
    document.setClock([] { return 1000; });
    for (const auto& [rect, value] : areas) {
        Label label;
        label.value = static_cast<std::uint8_t>(value);
        label.name = "label " + std::to_string(value);
        (void)document.setLabel(label).ok();
        document.paint(StepKind::Lasso, {.label = label.value}, PixelArea::rectangle(rect));
    }
    return document.snapshot();
}

} // namespace

class TestAgreedAnnotation : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everyAreaFromOneSideGivesThatSideBack() {
        const AnnotationSnapshot ana =
            drawnBy("Ana", {{{100, 100, 450, 450}, 1}, {{600, 20, 30, 30}, 2}, {{10, 10, 20, 20}, 3}});
        const AnnotationSnapshot ben = drawnBy("Ben", {{{130, 90, 450, 440}, 1}, {{605, 20, 30, 30}, 2}});
        const LabelMap anaBefore = ana.labels.toLabelMap();
        const LabelMap benBefore = ben.labels.toLabelMap();

        const AnnotationSnapshot common = commonPart(ana, ben);
        for (int y = 0; y < kSize.height; ++y) {
            for (int x = 0; x < kSize.width; ++x) {
                const std::uint8_t a = anaBefore.at(x, y);
                QCOMPARE(int(common.labels.at(x, y)), a == benBefore.at(x, y) ? int(a) : 0);
            }
        }
        QCOMPARE(common.labelTable.size(), std::size_t(3));

        const std::vector<DisputedArea> areas = disputedAreas(ana.labels, ben.labels);
        QVERIFY(areas.size() > 3);
        for (const AnnotationSnapshot* side : {&ana, &ben}) {
            AnnotationSnapshot agreed = common;
            for (const DisputedArea& area : areas)
                agreed = withAreaOf(agreed, *side, area.area);
            QVERIFY(agreed.labels == side->labels);
            // Disputed pixels have the provenance of the side they were taken from.
            for (const DisputedArea& area : areas) {
                const Span& span = area.area.spans().front();
                const ProvenanceSource& source = agreed.sources[agreed.provenance.at(span.begin, span.y)];
                QVERIFY(source == side->sources[side->provenance.at(span.begin, span.y)]);
            }
            const Result<std::unique_ptr<AnnotationDocument>> opened =
                AnnotationDocument::open(kSize, agreed);
            QVERIFY(opened.ok());
        }
        QVERIFY(ana.labels.toLabelMap() == anaBefore);
        QVERIFY(ben.labels.toLabelMap() == benBefore);
    }

    void noLesionIsAgreedOnlyByBoth() {
        AnnotationSnapshot ana = drawnBy("Ana", {});
        ana.noLesion = true;
        AnnotationSnapshot ben = ana;
        QVERIFY(commonPart(ana, ben).noLesion);
        const AnnotationSnapshot cid = drawnBy("Cid", {{{5, 5, 5, 5}, 1}});
        QVERIFY(!commonPart(ana, cid).noLesion);
        QVERIFY(!withAreaOf(commonPart(ana, ben), cid, PixelArea::rectangle({5, 5, 5, 5})).noLesion);
    }
};

QTEST_GUILESS_MAIN(TestAgreedAnnotation)
#include "tst_agreed_annotation.moc"
