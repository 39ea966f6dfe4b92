// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: what io/store/project_store.h says of each function: round trips of everything that is kept,
// small saves, stale saves refused, forbidden transitions refused, history complete. Each test has a file of
// its own.
#include "io/store/project_store.h"
#include "tests/io/store/store_testing.h"

#include <QDir>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <set>

using namespace limn;
using namespace limn::testing;

class TestProjectStore : public QObject {
    Q_OBJECT
private:
    QTemporaryDir m_dir;
    int m_count = 0;

    std::string newPath() { return m_dir.filePath(QStringLiteral("p%1.limn").arg(++m_count)).toStdString(); }
    std::unique_ptr<ProjectStore> newStore() {
        return take(ProjectStore::open(newPath(), {.person = "Ana"}));
    }

private Q_SLOTS:
    void imagesRoundTripAndKeepTheirOrder() {
        const std::string path = newPath();
        std::vector<ImageRecord> records = imageRecords(3, {40, 30});
        records[1].sha256 = std::string(64, 'b');
        records[1].spacing = Spacing{0.05, 0.04, "DICOM Pixel Spacing"};
        records[1].modality = "dermoscopy";
        records[1].fileBytes = 5'000'000'000;
        records[1].fileModifiedMs = 1'700'000'000'123;
        {
            const auto store = take(ProjectStore::open(path, {}));
            const std::vector<ImageId> ids = take(store->addImages(records, kNobody));
            QCOMPARE(ids.size(), std::size_t(3));
            QCOMPARE(std::set<ImageId>(ids.begin(), ids.end()).size(), std::size_t(3));
            // A path that is there already is left out.
            QCOMPARE(take(store->addImages(std::span(records).first(1), kNobody)), std::vector<ImageId>{0});
        }
        const auto store = take(ProjectStore::open(path, {}));
        const std::vector<ImageRecord> all = take(store->images());
        QCOMPARE(all.size(), std::size_t(3));
        QCOMPARE(all[1].path, std::string("img2.png"));
        QCOMPARE(all[1].sha256, records[1].sha256);
        QVERIFY(all[1].size == (Size{40, 30}));
        QVERIFY(all[1].spacing && all[1].spacing->xMm == 0.05 && all[1].spacing->yMm == 0.04 &&
                all[1].spacing->source == "DICOM Pixel Spacing");
        QVERIFY(!all[0].spacing);
        QCOMPARE(all[1].fileBytes, std::int64_t(5'000'000'000));
        QCOMPARE(all[1].fileModifiedMs, TimeMs(1'700'000'000'123));
        QVERIFY(all[0].position < all[1].position && all[1].position < all[2].position);
        QCOMPARE(take(store->imagesWithHash(records[1].sha256)), std::vector<ImageId>{all[1].id});
        QVERIFY(!take(store->image(999)));
    }

    // More than are read through one connection.
    void aLargeProjectIsReadWholeAndInOrder() {
        QTemporaryDir dir;
        const std::string path = dir.filePath(QStringLiteral("large.limn")).toStdString();
        const auto store = take(ProjectStore::open(path, {}));
        std::vector<ImageRecord> records = imageRecords(12000, {10, 10});
        for (std::size_t i = 0; i < records.size(); ++i)
            records[i].position = static_cast<std::int64_t>(1 + i * 7919 % records.size());
        const std::vector<ImageId> ids = take(store->addImages(records, kNobody));
        const std::vector<ImageRecord> read = take(store->images());
        QCOMPARE(read.size(), records.size());
        for (std::size_t i = 0; i < read.size(); ++i) {
            QCOMPARE(read[i].position, static_cast<std::int64_t>(i + 1));
            QCOMPARE(read[i].path, records[static_cast<std::size_t>(read[i].id - ids.front())].path);
        }
        // Half of them gone, at one end.
        take(store->removeImages(std::span(ids).first(6000), kNobody));
        QCOMPARE(take(store->images()).size(), std::size_t{6000});
    }

    void removedNumbersNeverComeAgain() {
        const auto store = newStore();
        const std::vector<ImageId> first = take(store->addImages(imageRecords(2, {4, 4}), kNobody));
        take(store->removeImages(first, kNobody));
        const std::vector<ImageId> second = take(store->addImages(imageRecords(2, {4, 4}), kNobody));
        QVERIFY(second[0] > first[1]);
        const std::vector<HistoryRecord> lines = take(store->history(first[0], 10));
        QCOMPARE(lines.size(), std::size_t(2));
        QCOMPARE(lines[0].what, std::string("removed"));
        QCOMPARE(lines[0].from, std::string("img1.png"));
    }

    void annotationsRoundTrip() {
        const std::string path = newPath();
        ImageId image = 0;
        PersonId ana = 0;
        LabelMap map({1300, 700});
        Random random(5);
        for (int i = 0; i < 40; ++i)
            fillRect(map, {random.below(1300), random.below(700), random.below(200), random.below(200)},
                     static_cast<std::uint8_t>(random.below(4)));
        {
            const auto store = take(ProjectStore::open(path, {}));
            image = take(store->addImages(imageRecords(1, map.size), kNobody))[0];
            ana = take(store->person("Ana"));
            StoredAnnotation annotation = annotationOf(image, ana, map);
            annotation.provenanceMap = tilesFromLabelMap(LabelMap(map.size, 1));
            annotation.threshold = 0.45;
            annotation.figures.areaPixels = 1234;
            const SavedAnnotation saved = take(store->saveAnnotation(annotation));
            QCOMPARE(saved.revision, std::int64_t(1));
        }
        const auto store = take(ProjectStore::open(path, {}));
        const StoredAnnotationPtr read = take(store->annotation(image, ana));
        QVERIFY(read);
        QVERIFY(labelMapFromTiles(read->labels) == map);
        QVERIFY(labelMapFromTiles(read->provenanceMap) == LabelMap(map.size, 1));
        const StoredAnnotation expected = annotationOf(image, ana, map);
        QVERIFY(read->labelTable == expected.labelTable);
        QVERIFY(read->provenance == expected.provenance);
        QCOMPARE(*read->threshold, 0.45);
        QCOMPARE(read->revision, std::int64_t(1));
        QVERIFY(!read->noLesion);
        QVERIFY(!take(store->annotation(image, ana, 1)));
        QVERIFY(!take(store->annotation(image, kAgreed)));
        const ImageRecord record = *take(store->image(image));
        QCOMPARE(record.areaPixels, std::int64_t(1234));
        QCOMPARE(record.lastEditor, ana);
        QVERIFY(record.lastEditMs > 0);
    }

    void aStrokeWritesItsTilesAlone() {
        const auto store = newStore();
        LabelMap map({4096, 4096});
        const ImageId image = take(store->addImages(imageRecords(1, map.size), kNobody))[0];
        fillRect(map, {0, 0, 4096, 4096}, 1);
        StoredAnnotation before = annotationOf(image, kAgreed, map);
        SavedAnnotation saved = take(store->saveAnnotation(before));
        QCOMPARE(saved.tilesWritten, 64);
        before.revision = saved.revision;
        fillRect(map, {500, 500, 100, 20}, 2); // two columns and two rows of tiles meet there
        StoredAnnotation now = annotationOf(image, kAgreed, map, &before.labels);
        now.revision = before.revision;
        saved = take(store->saveAnnotation(now, &before));
        QCOMPARE(saved.tilesWritten, 4);
        QVERIFY(labelMapFromTiles(take(store->annotation(image, kAgreed))->labels) == map);
        // Erased tiles leave no row, and what was there is gone.
        now.revision = saved.revision;
        StoredAnnotation empty = annotationOf(image, kAgreed, LabelMap(map.size));
        empty.revision = saved.revision;
        empty.noLesion = true;
        saved = take(store->saveAnnotation(empty, &now));
        QCOMPARE(saved.revision, std::int64_t(3));
        const StoredAnnotationPtr read = take(store->annotation(image, kAgreed));
        QVERIFY(labelMapFromTiles(read->labels) == LabelMap(map.size));
        QVERIFY(read->noLesion);
        QVERIFY(take(store->image(image))->noLesion);
    }

    void withoutThePreviousOneEverythingIsReplaced() {
        const auto store = newStore();
        LabelMap map({1000, 1000}, 1);
        const ImageId image = take(store->addImages(imageRecords(1, map.size), kNobody))[0];
        const SavedAnnotation saved = take(store->saveAnnotation(annotationOf(image, kAgreed, map)));
        LabelMap other({1000, 1000});
        fillRect(other, {900, 900, 50, 50}, 3);
        StoredAnnotation now = annotationOf(image, kAgreed, other);
        now.revision = saved.revision;
        (void)take(store->saveAnnotation(now));
        QVERIFY(labelMapFromTiles(take(store->annotation(image, kAgreed))->labels) == other);
    }

    void aStaleSaveIsRefusedAndKeptBeside() {
        const auto store = newStore();
        const LabelMap mine({64, 64}, 1);
        const LabelMap theirs({64, 64}, 2);
        const ImageId image = take(store->addImages(imageRecords(1, mine.size), kNobody))[0];
        const PersonId ana = take(store->person("Ana"));
        (void)take(store->saveAnnotation(annotationOf(image, ana, theirs)));
        const StoredAnnotation stale = annotationOf(image, ana, mine); // made from revision 0
        const Result<SavedAnnotation> refused = store->saveAnnotation(stale);
        QVERIFY(!refused);
        QVERIFY(refused.error().code == ErrorCode::StoreStale);
        QVERIFY(refused.error().message().find("img1.png") != std::string::npos);
        QVERIFY(refused.error().message().find("Ana") != std::string::npos);
        QVERIFY(labelMapFromTiles(take(store->annotation(image, ana))->labels) == theirs);
        const SavedAnnotation beside = take(store->saveAsVersion(stale));
        QCOMPARE(beside.version, 1);
        QVERIFY(labelMapFromTiles(take(store->annotation(image, ana))->labels) == theirs);
        QVERIFY(labelMapFromTiles(take(store->annotation(image, ana, 1))->labels) == mine);
        QCOMPARE(take(store->annotationsOf(image)).size(), std::size_t(2));
    }

    void sizesMustFit() {
        const auto store = newStore();
        const ImageId image = take(store->addImages(imageRecords(1, {64, 64}), kNobody))[0];
        const Result<SavedAnnotation> wrong =
            store->saveAnnotation(annotationOf(image, kAgreed, LabelMap({64, 63})));
        QVERIFY(!wrong && wrong.error().code == ErrorCode::InvalidArgument);
        QVERIFY(wrong.error().message().find("64 x 63") != std::string::npos);
        QVERIFY(wrong.error().message().find("64 x 64") != std::string::npos);
        const Result<SavedAnnotation> none =
            store->saveAnnotation(annotationOf(77, kAgreed, LabelMap({64, 64})));
        QVERIFY(!none && none.error().code == ErrorCode::InvalidArgument);
        QVERIFY(take(store->allAnnotations()).empty());
    }

    void keptVersionsStayAsTheyWere() {
        const auto store = newStore();
        const LabelMap first({600, 600}, 1);
        const LabelMap second({600, 600}, 2);
        const ImageId image = take(store->addImages(imageRecords(1, first.size), kNobody))[0];
        const PersonId ana = take(store->person("Ana"));
        SavedAnnotation saved = take(store->saveAnnotation(annotationOf(image, ana, first)));
        const std::int64_t kept = take(store->keepVersion(saved.id, "submitted", ana));
        StoredAnnotation later = annotationOf(image, ana, second);
        later.revision = saved.revision;
        saved = take(store->saveAnnotation(later));
        const std::vector<KeptVersion> list = take(store->keptVersions(image));
        QCOMPARE(list.size(), std::size_t(1));
        QCOMPARE(list[0].what, std::string("submitted"));
        QCOMPARE(list[0].revision, std::int64_t(1));
        const StoredAnnotationPtr old = take(store->keptAnnotation(kept));
        QVERIFY(labelMapFromTiles(old->labels) == first);
        // Its revision is the present one: saving it restores it.
        QCOMPARE(old->revision, saved.revision);
        (void)take(store->saveAnnotation(*old));
        QVERIFY(labelMapFromTiles(take(store->annotation(image, ana))->labels) == first);
        QVERIFY(!store->keepVersion(999, "x", ana).ok());
        QVERIFY(!store->keptAnnotation(999).ok());
    }

    void reviewLeavesLinesWithNamesAndReason() {
        const auto store = newStore();
        const ImageId image = take(store->addImages(imageRecords(1, {8, 8}), kNobody))[0];
        const PersonId ana = take(store->person("Ana"));
        const PersonId ben = take(store->person("Ben"));
        QCOMPARE(take(store->person("Ana")), ana);
        const ImageId ids[] = {image};
        take(store->setState(ids, ReviewState::Submitted, "", ana));
        take(store->setState(ids, ReviewState::Rejected, "Wrong outline", ben));
        QCOMPARE(take(store->image(image))->reason, std::string("Wrong outline"));
        QCOMPARE(take(store->image(image))->rejectedBy, ben);
        QCOMPARE(take(store->images())[0].rejectedBy, ben);
        take(store->setState(ids, ReviewState::Submitted, "", ana));
        QCOMPARE(take(store->image(image))->reason, std::string());
        QCOMPARE(take(store->image(image))->rejectedBy, kNobody);
        take(store->setState(ids, ReviewState::Accepted, "", ben));
        const std::vector<HistoryRecord> lines = take(store->history(image, 4)); // newest first
        QCOMPARE(lines.size(), std::size_t(4));
        QCOMPARE(lines[2].person, ben);
        QCOMPARE(lines[2].from, std::string("submitted"));
        QCOMPARE(lines[2].to, std::string("rejected"));
        QCOMPARE(lines[2].note, std::string("Wrong outline"));
        QCOMPARE(lines[0].to, std::string("accepted"));
        QCOMPARE(take(store->history(image, 10, lines[3].id)).back().what, std::string("added"));
    }

    void decisionsAreMadeOnceWithTheirTime() {
        const auto store = take(ProjectStore::openInMemory({}));
        (void)take(store->addImages(imageRecords(3, {40, 30}), kNobody));
        const PersonId ana = take(store->person("Ana"));
        for (ImageId image : {1, 2})
            (void)take(store->saveAnnotation(annotationOf(image, ana, LabelMap({40, 30}, 1))));
        DecisionRecord accept;
        accept.images = {1, 3};
        accept.person = ana;
        accept.timeMs = 5000;
        accept.state = ReviewState::Accepted;
        take(store->decide(accept));
        take(store->decide(accept));
        const std::vector<KeptVersion> kept = take(store->keptVersions(1));
        QCOMPARE(kept.size(), std::size_t{1});
        QCOMPARE(kept[0].timeMs, TimeMs{5000});
        QVERIFY(take(store->keptVersions(2)).empty());
        for (ImageId image : {1, 3}) {
            QVERIFY(take(store->image(image))->state == ReviewState::Accepted);
            const std::vector<HistoryRecord> lines = take(store->history(image, 10));
            const auto decided = [](const HistoryRecord& line) { return line.what == "state"; };
            QCOMPARE(std::count_if(lines.begin(), lines.end(), decided), 1);
            const auto line = std::find_if(lines.begin(), lines.end(), decided);
            QCOMPARE(line->timeMs, TimeMs{5000});
            QCOMPARE(line->person, ana);
            QCOMPARE(line->to, std::string("accepted"));
        }
        // A new person is made; the same comment at two times is two.
        DecisionRecord comment;
        comment.kind = DecisionRecord::Kind::Comment;
        comment.images = {2};
        comment.person = kUnnumbered;
        comment.personName = "Bo";
        comment.note = "unsure";
        for (TimeMs time : {6000, 6001, 6001}) {
            comment.timeMs = time;
            take(store->decide(comment));
        }
        const std::vector<HistoryRecord> said = take(store->history(2, 10));
        QCOMPARE(std::count_if(said.begin(), said.end(),
                               [](const HistoryRecord& line) {
                                   return line.what == "comment" && line.note == "unsure";
                               }),
                 2);
        QCOMPARE(said.front().person, take(store->person("Bo")));
        // All or nothing, and errors as of the single functions.
        DecisionRecord wrong = accept;
        wrong.timeMs = 7000;
        wrong.images = {2, 1}; // the second is accepted already
        QVERIFY(store->decide(wrong).error().code == ErrorCode::InvalidArgument);
        QVERIFY(take(store->image(2))->state == ReviewState::New);
        QVERIFY(take(store->keptVersions(2)).empty());
        wrong.images = {2};
        wrong.state = ReviewState::Rejected;
        QVERIFY(store->decide(wrong).error().code == ErrorCode::InvalidArgument);
        comment.timeMs = 8000;
        comment.note.clear();
        QVERIFY(store->decide(comment).error().code == ErrorCode::InvalidArgument);
        comment.note = "x";
        comment.images = {77};
        QVERIFY(store->decide(comment).error().code == ErrorCode::InvalidArgument);
    }

    void forbiddenTransitionsChangeNothing() {
        const auto store = newStore();
        const std::vector<ImageId> ids = take(store->addImages(imageRecords(2, {8, 8}), kNobody));
        take(store->setState(std::span(ids).first(1), ReviewState::Accepted, "", kNobody));
        // The second image may become proposed, the first may not: neither does.
        const ImageId both[] = {ids[1], ids[0]};
        const Result<void> refused = store->setState(both, ReviewState::Proposed, "", kNobody);
        QVERIFY(!refused && refused.error().code == ErrorCode::InvalidArgument);
        QVERIFY(take(store->image(ids[1]))->state == ReviewState::New);
        QVERIFY(!store->setState(std::span(ids).first(1), ReviewState::Rejected, "", kNobody).ok());
        QCOMPARE(take(store->history(ids[1], 10)).size(), std::size_t(1)); // added
    }

    void takingNeverGivesAnImageTwice() {
        const auto store = newStore();
        const std::vector<ImageId> ids = take(store->addImages(imageRecords(5, {8, 8}), kNobody));
        const PersonId ana = take(store->person("Ana"));
        const PersonId ben = take(store->person("Ben"));
        take(store->setState(std::span(ids).subspan(1, 1), ReviewState::Accepted, "", ben));
        QCOMPARE(take(store->takeNext(ana, 2)), (std::vector<ImageId>{ids[0], ids[2]}));
        QCOMPARE(take(store->takeNext(ben, 9)), (std::vector<ImageId>{ids[3], ids[4]}));
        QVERIFY(take(store->takeNext(ana, 1)).empty());
        take(store->assign(std::span(ids).first(1), ben, ana));
        QCOMPARE(take(store->history(ids[0], 1))[0].from, std::string("Ana"));
        QCOMPARE(take(store->history(ids[0], 1))[0].to, std::string("Ben"));
        QVERIFY(!store->assign(std::span(ids).first(1), 99, ana).ok());
    }

    void labelSetsSettingsFlagsAndFigures() {
        const auto store = newStore();
        const LabelSetRecord set{"project", annotationOf(1, 1, LabelMap({1, 1})).labelTable};
        take(store->setLabelSet({"empty", {}}));
        take(store->setLabelSet({"project", {}}));
        take(store->setLabelSet(set));
        const std::vector<LabelSetRecord> sets = take(store->labelSets());
        QCOMPARE(sets.size(), std::size_t(2));
        QVERIFY(sets[0].labels.empty());
        QVERIFY(sets[1].labels == set.labels);
        QVERIFY(!store->setLabelSet({"bad", {{0, "x", 0, "", "", "", false, true}}}).ok());
        QVERIFY(!store->setLabelSet({"bad", {set.labels[0], set.labels[0]}}).ok());
        take(store->removeLabelSet("empty"));
        QCOMPARE(take(store->labelSets()).size(), std::size_t(1));

        QVERIFY(!take(store->setting("threshold")));
        take(store->setSetting("threshold", "0.4"));
        take(store->setSetting("threshold", "0.5"));
        QCOMPARE(*take(store->setting("threshold")), std::string("0.5"));
        QCOMPARE(take(store->settings()).size(), std::size_t(1));

        const ImageId image = take(store->addImages(imageRecords(1, {8, 8}), kNobody))[0];
        take(store->setFlag(image, true, "look at the border", kNobody));
        ImageFigures figures;
        figures.uncertainty = 12.5;
        take(store->setFigures(image, figures));
        const ImageRecord record = *take(store->image(image));
        QVERIFY(record.flagged);
        QCOMPARE(record.flagNote, std::string("look at the border"));
        QCOMPARE(record.uncertainty, 12.5);
        QCOMPARE(record.areaPixels, std::int64_t(-1));
    }

    void proposalsAreFoundByAllThreeParts() {
        const auto store = newStore();
        ProposalRecord record;
        record.key = {std::string(64, '1'), std::string(64, '2'), "input=256"};
        record.extent = {3, 4, 50, 40};
        record.probability.size = {50, 40};
        record.probability.values.assign(2000, 30000);
        record.network = {{4, 4}, std::vector<float>(16, 0.25f)};
        record.modelName = "dermoscopy";
        record.device = "cpu";
        record.precision = "fp32";
        record.defaultThreshold = 0.45;
        record.uncertainty = 7.0;
        take(store->setProposal(record));
        record.uncertainty = 8.0;
        record.spread = record.network;
        take(store->setProposal(record)); // replaces
        const auto read = take(store->proposal(record.key));
        QVERIFY(read);
        QVERIFY(read->extent == record.extent);
        QVERIFY(read->probability.values == record.probability.values);
        QVERIFY(read->network.values == record.network.values);
        QVERIFY(read->spread && read->spread->values == record.network.values);
        QCOMPARE(read->uncertainty, 8.0);
        QCOMPARE(read->modelName, record.modelName);
        for (int part = 0; part < 3; ++part) {
            ProposalKey other = record.key;
            (part == 0 ? other.imageSha256 : part == 1 ? other.modelSha256 : other.settings) += "x";
            QVERIFY(!take(store->proposal(other)));
        }
        // The newest of any model.
        ProposalRecord newer = record;
        newer.key.modelSha256 = std::string(64, 'd');
        newer.modelName = "newer";
        take(store->setProposal(newer));
        ProposalKey any = record.key;
        any.modelSha256.clear();
        QCOMPARE(take(store->proposal(any))->modelName, std::string("newer"));
        QCOMPARE(take(store->proposal(any))->key.modelSha256, newer.key.modelSha256);
        QCOMPARE(take(store->proposal(record.key))->modelName, record.modelName);
        take(store->pruneProposals(1'000'000));
        QVERIFY(take(store->proposal(record.key)));
        take(store->pruneProposals(0));
        QVERIFY(!take(store->proposal(record.key)));
    }

    void calibrationOfTheImageComesBeforeItsCameras() {
        const auto store = newStore();
        const ImageId image = take(store->addImages(imageRecords(1, {8, 8}), kNobody))[0];
        QVERIFY(!take(store->calibration(image, "scope")));
        (void)take(store->addCalibration({0, 0, "scope", {0.1, 0.1, "by Ana"}, kNobody, 0}));
        QCOMPARE(take(store->calibration(image, "scope"))->spacing.xMm, 0.1);
        const std::int64_t own = take(store->addCalibration({0, image, "", {0.2, 0.3, "ruler"}, kNobody, 0}));
        QCOMPARE(take(store->calibration(image, "scope"))->spacing.yMm, 0.3);
        QCOMPARE(take(store->calibration(image, "scope"))->spacing.source, std::string("ruler"));
        take(store->removeCalibration(own, kNobody));
        QCOMPARE(take(store->calibration(image, "scope"))->spacing.xMm, 0.1);
        QVERIFY(!store->addCalibration({0, image, "", {0.0, 0.3, "ruler"}, kNobody, 0}).ok());
        QVERIFY(!store->removeCalibration(99, kNobody).ok());
    }

    void movedFilesKeepTheirWork() {
        const auto store = newStore();
        const std::vector<ImageId> ids = take(store->addImages(imageRecords(2, {8, 8}), kNobody));
        take(store->moveImage(ids[0], "sub/new.png", kNobody));
        QCOMPARE(take(store->image(ids[0]))->path, std::string("sub/new.png"));
        QVERIFY(!store->moveImage(ids[0], "img2.png", kNobody).ok());
        QVERIFY(!store->moveImage(99, "x.png", kNobody).ok());
        QCOMPARE(take(store->history(ids[0], 1))[0].what, std::string("moved"));
    }

    void copiesAreComplete() {
        const auto memory = take(ProjectStore::openInMemory({}));
        const ImageId image = take(memory->addImages(imageRecords(1, {64, 64}), kNobody))[0];
        (void)take(memory->saveAnnotation(annotationOf(image, kAgreed, LabelMap({64, 64}, 3))));
        const std::string path = newPath();
        take(memory->copyTo(path));
        QVERIFY(!memory->copyTo(path).ok()); // never over a file
        const auto copy = take(ProjectStore::open(path, {}));
        QVERIFY(labelMapFromTiles(take(copy->annotation(image, kAgreed))->labels) == LabelMap({64, 64}, 3));
        QVERIFY(take(copy->verify()).empty());
    }

    void verifyFindsNothingInASoundStoreAndCanBeStopped() {
        const auto store = newStore();
        const ImageId image = take(store->addImages(imageRecords(1, {64, 64}), kNobody))[0];
        const SavedAnnotation saved =
            take(store->saveAnnotation(annotationOf(image, kAgreed, LabelMap({64, 64}, 3))));
        (void)take(store->keepVersion(saved.id, "accepted", kNobody));
        QVERIFY(take(store->verify()).empty());
        const Result<std::vector<StoreFinding>> stopped = store->verify([] { return false; });
        QVERIFY(!stopped && stopped.error().code == ErrorCode::Cancelled);
    }

    void badArguments() {
        QVERIFY(ProjectStore::open(m_dir.path().toStdString(), {}).error().code == ErrorCode::NotAFile);
        StoreOptions there;
        there.create = false;
        QVERIFY(ProjectStore::open(newPath(), there).error().code == ErrorCode::FileNotFound);
        const auto store = newStore();
        QVERIFY(store->person("").error().code == ErrorCode::InvalidArgument);
    }

    void closingLeavesOneFile() {
        const std::string path = newPath();
        (void)take(ProjectStore::open(path, {}));
        const QFileInfo info(QString::fromStdString(path));
        QCOMPARE(info.dir().entryList({info.fileName() + QStringLiteral("*")}, QDir::Files),
                 QStringList{info.fileName()});
    }
};

QTEST_GUILESS_MAIN(TestProjectStore)
#include "tst_project_store.moc"
