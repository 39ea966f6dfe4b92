// SPDX-License-Identifier: GPL-3.0-or-later
// Reviewing as several people do it, in the real window: a pass by the keyboard alone, rejection and its way
// back to the author, two steps, comments, several images at once, comparisons and versions, and two people's
// annotations made into one. Checked on what the project keeps.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "app/measure/agreement.h"
#include "io/store/project_store.h"
#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"

#include <QApplication>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QListWidget>
#include <QPushButton>
#include <QSettings>
#include <QTest>

using namespace limn;

class TestReview : public QObject, private WindowDriver {
    Q_OBJECT

    // The folder again, by another person.
    void openAs(const QString& person) {
        closeWindow();
        QSettings().setValue(QStringLiteral("person"), person);
        openFolder();
    }
    template<class T>
    T* part(const char* name) const {
        // Of several, such as a button that was replaced, the visible one.
        const QList<T*> all = m_window->findChildren<T*>(QLatin1String(name));
        const auto shown =
            std::find_if(all.begin(), all.end(), [](T* widget) { return widget->isVisible(); });
        return shown != all.end() ? *shown : all.isEmpty() ? nullptr : all.first();
    }
    void click(const char* name) {
        QTRY_VERIFY2(part<QAbstractButton>(name) && part<QAbstractButton>(name)->isVisible(), name);
        auto* button = part<QAbstractButton>(name);
        QVERIFY2(button && button->isVisible() && button->isEnabled(), name);
        QTest::mouseClick(button, Qt::LeftButton);
    }
    ReviewState state(ImageId id) const { return session().record(id)->state; }
    void trigger(const char* id) {
        QAction* action = m_window->commands().action(QLatin1String(id));
        QVERIFY2(action && action->isEnabled(), id);
        action->trigger();
    }
    void rejectWith(Qt::Key reason, const char* words = "") {
        key(Qt::Key_X);
        QTRY_VERIFY(QApplication::focusWidget() &&
                    QApplication::focusWidget()->objectName() == QLatin1String("rejectReasons"));
        key(reason);
        if (*words) {
            part<QLineEdit>("rejectText")->setFocus();
            QTest::keyClicks(part<QLineEdit>("rejectText"), QLatin1String(words));
        }
        key(Qt::Key_Return);
    }
    void showImage(ImageId id) {
        session().show(id);
        QTRY_VERIFY_WITH_TIMEOUT(session().current() == id && decidable(), 10000);
    }
    std::unique_ptr<ProjectStore> store() {
        session().waitUntilSaved(5000);
        StoreOptions reading;
        reading.create = false;
        reading.readOnly = true;
        auto opened = ProjectStore::open(session().project()->filePath(), reading);
        return opened ? std::move(*opened) : nullptr;
    }
    LabelMap storedOf(ImageId id, PersonId person) {
        const auto annotation = store()->annotation(id, person);
        return annotation && *annotation ? labelMapFromTiles((*annotation)->labels) : LabelMap();
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    // No mouse from the first image to the last: accept, reject with a reason, correct the threshold, use,
    // undo, flag, comment, step back, take back, filter, and export.
    void twentyImagesByTheKeyboardAlone() {
        open(20, {320, 240});
        const std::vector<ImageId> list = session().list();
        QCOMPARE(list.size(), std::size_t(20));
        for (std::size_t i = 0; i < list.size(); ++i) {
            QTRY_COMPARE(session().current(), list[i]);
            QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
            switch (i) {
            case 3:
                rejectWith(Qt::Key_2);
                continue;
            case 5: // a lower threshold, used, then accepted
                key(Qt::Key_T);
                QCOMPARE(QApplication::focusWidget()->objectName(), QStringLiteral("threshold"));
                for (int k = 0; k < 10; ++k)
                    key(Qt::Key_Left);
                QCOMPARE(document()->threshold(), 0.4f);
                key(Qt::Key_Escape);
                QVERIFY(canvas()->hasFocus());
                key(Qt::Key_U);
                QVERIFY(painted() > 0);
                break;
            case 7: // flagged, with the reason, and a comment
                key(Qt::Key_X, Qt::ShiftModifier);
                QTRY_VERIFY(session().record(list[i])->flagged);
                key(Qt::Key_C, Qt::ShiftModifier);
                QCOMPARE(QApplication::focusWidget()->objectName(), QStringLiteral("commentEntry"));
                QTest::keyClicks(QApplication::focusWidget(), QStringLiteral("Ask about the b0rder"));
                QCOMPARE(session().current(), list[i]); // letters and digits are text here
                key(Qt::Key_Return);
                QVERIFY(canvas()->hasFocus());
                break;
            case 9: // no lesion: the proposal is used, undone, cleared
                key(Qt::Key_U);
                key(Qt::Key_Delete);
                QCOMPARE(painted(), std::size_t(0));
                key(Qt::Key_A);
                QVERIFY(!m_window->bannerText().isEmpty());
                key(Qt::Key_Return);
                continue;
            case 11: // there and back
                key(Qt::Key_Left);
                QTRY_COMPARE(session().current(), list[10]);
                key(Qt::Key_N);
                QTRY_COMPARE(session().current(), list[11]);
                QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
                break;
            case 13: // decided, taken back, decided again
                key(Qt::Key_A);
                QTRY_COMPARE(session().current(), list[14]);
                key(Qt::Key_A, Qt::ShiftModifier);
                QTRY_COMPARE(session().current(), list[13]);
                QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
                QCOMPARE(state(list[13]), ReviewState::InProgress);
                break;
            default:
                break;
            }
            key(Qt::Key_A);
        }
        QTRY_VERIFY(m_window->bannerText().contains(QLatin1String("decided")));
        const auto kept = store();
        QVERIFY(kept != nullptr);
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto record = kept->image(list[i]);
            QVERIFY(record && *record);
            QCOMPARE((*record)->state, i == 3 ? ReviewState::Rejected : ReviewState::Accepted);
            QCOMPARE((*record)->noLesion, i == 9);
            QCOMPARE((*record)->flagged, i == 7);
        }
        const auto history = kept->history(list[7], 50);
        QVERIFY(history.ok());
        QVERIFY(std::any_of(history->begin(), history->end(), [](const HistoryRecord& line) {
            return line.what == "comment" && line.note == "Ask about the b0rder";
        }));
        // Panes by F6, the list by its own keys.
        key(Qt::Key_F6);
        key(Qt::Key_F, Qt::ControlModifier);
        QCOMPARE(QApplication::focusWidget()->objectName(), QStringLiteral("worklistSearch"));
        QTest::keyClicks(QApplication::focusWidget(), QStringLiteral("case-004"));
        QTRY_COMPARE(session().list().size(), std::size_t(1));
        key(Qt::Key_Return);
        key(Qt::Key_E, Qt::ControlModifier);
        auto* dialog = part<QWidget>("exportDialog");
        QVERIFY(dialog && dialog->isVisible());
        dialog->close();
    }

    // Reject, correct, send again, accept: by two people, with names and reason in four lines of history.
    void aRejectionComesBackToItsAuthor() {
        open(2, {320, 240});
        session().setReviewMode(ReviewMode::TwoSteps);
        session().setUsesProposalFirst(false);
        const ImageId id = session().list().front();
        drag({{100, 100}, {180, 120}});
        QVERIFY(part<QPushButton>("acceptButton")->text().contains(QLatin1String("Submit")));
        key(Qt::Key_A);
        QTRY_COMPARE(state(id), ReviewState::Submitted);

        openAs(QStringLiteral("Ben"));
        QTest::mouseClick(part<QPushButton>("chipTodo"), Qt::LeftButton);
        QVERIFY(std::count(session().list().begin(), session().list().end(), id) == 1);
        showImage(id);
        QVERIFY(part<QPushButton>("acceptButton")->text().contains(QLatin1String("Accept")));
        rejectWith(Qt::Key_2, "too wide at the left");
        QTRY_COMPARE(state(id), ReviewState::Rejected);
        session().refreshList();
        QVERIFY(std::count(session().list().begin(), session().list().end(), id) == 0);

        openAs(QStringLiteral("Ana"));
        QTest::mouseClick(part<QPushButton>("chipTodo"), Qt::LeftButton);
        QVERIFY(std::count(session().list().begin(), session().list().end(), id) == 1);
        session().show(session().list().back());
        showImage(id);
        QTRY_VERIFY2(m_window->bannerText().contains(QLatin1String("Ben")),
                     qPrintable(m_window->bannerText()));
        QVERIFY(m_window->bannerText().contains(QLatin1String("too wide at the left")));
        shot(QStringLiteral("review-rejected-banner"));
        drag({{100, 100}, {110, 100}}, Qt::ControlModifier);
        key(Qt::Key_A);
        QTRY_COMPARE(state(id), ReviewState::Submitted);

        openAs(QStringLiteral("Ben"));
        showImage(id);
        key(Qt::Key_A);
        QTRY_COMPARE(state(id), ReviewState::Accepted);
        const auto kept = store();
        const auto history = kept->history(id, 100);
        QVERIFY(history.ok());
        const auto people = kept->people();
        QVERIFY(people.ok());
        QStringList decisions;
        for (auto line = history->rbegin(); line != history->rend(); ++line) {
            if (line->what != "state" ||
                (line->to != "submitted" && line->to != "rejected" && line->to != "accepted"))
                continue;
            for (const PersonRecord& person : *people) {
                if (person.id == line->person)
                    decisions.append(
                        QString::fromStdString(person.name + " " + line->to + " " + line->note).trimmed());
            }
        }
        QCOMPARE(decisions, (QStringList{QStringLiteral("Ana submitted"),
                                         QStringLiteral("Ben rejected Wrong outline: too wide at the left"),
                                         QStringLiteral("Ana submitted"), QStringLiteral("Ben accepted")}));
    }

    void commentsAreReadByTheOther() {
        open(1, {320, 240});
        const ImageId id = session().current();
        session().addComment(QStringLiteral("Is this <one> lesion?"));
        openAs(QStringLiteral("Ben"));
        showImage(id);
        QTRY_VERIFY(part<QLabel>("comment") != nullptr);
        QVERIFY(part<QLabel>("comment")->text().contains(QLatin1String("Is this &lt;one&gt; lesion?")));
        QVERIFY(part<QLabel>("comment")->text().contains(QLatin1String("Ana")));
        session().addComment(QStringLiteral("   "));
        session().waitUntilSaved(5000);
        const auto history = store()->history(id, 50);
        QCOMPARE(std::count_if(history->begin(), history->end(),
                               [](const HistoryRecord& line) { return line.what == "comment"; }),
                 1);
    }

    // A digit for each reason, and words for what no reason says.
    void aReasonByDigitAndWords() {
        open(3, {320, 240});
        const std::vector<ImageId> list = session().list();
        auto* reasons = part<QListWidget>("rejectReasons");
        QCOMPARE(reasons->count(), 9);
        key(Qt::Key_X);
        QTRY_VERIFY(reasons->hasFocus());
        key(Qt::Key_9);
        QCOMPARE(reasons->currentRow(), 8);
        QTest::keyClicks(reasons, QStringLiteral("N"));
        QVERIFY(part<QLineEdit>("rejectText")->hasFocus());
        QTest::keyClicks(part<QLineEdit>("rejectText"), QStringLiteral("ot of this study, 3 of 4"));
        shot(QStringLiteral("review-reasons"));
        key(Qt::Key_Return);
        QTRY_COMPARE(state(list[0]), ReviewState::Rejected);
        QCOMPARE(QString::fromStdString(session().record(list[0])->reason),
                 QStringLiteral("Another reason: Not of this study, 3 of 4"));
        // By its place, where a layout needs Shift for digits.
        QTRY_VERIFY(session().current() == list[1] && decidable());
        key(Qt::Key_X);
        QTRY_VERIFY(reasons->hasFocus());
        QKeyEvent third(QEvent::KeyPress, Qt::Key_QuoteDbl, Qt::NoModifier, 12, 0, 0, QStringLiteral("\""));
        QApplication::sendEvent(reasons, &third);
        QCOMPARE(reasons->currentRow(), 2);
        key(Qt::Key_Return);
        QTRY_COMPARE(QString::fromStdString(session().record(list[1])->reason),
                     QStringLiteral("Wrong label"));
    }

    // Comments, which have a panel of their own, do not push the rest out of the history.
    void theHistoryIsNotLostBehindComments() {
        open(1, {320, 240});
        const auto lines = [this] {
            QStringList texts;
            for (const QLabel* label : m_window->findChildren<QLabel*>(QStringLiteral("historyLine"))) {
                if (label->isVisibleTo(m_window.get()))
                    texts.append(label->text());
            }
            return texts;
        };
        Spacing spacing;
        spacing.xMm = spacing.yMm = 0.05;
        spacing.source = "by Ana";
        session().calibrate(spacing, false);
        for (int i = 0; i < 15; ++i)
            session().addComment(QStringLiteral("Comment %1").arg(i));
        session().waitUntilSaved(5000);
        QTRY_VERIFY2(lines().filter(QStringLiteral("added to the project")).size() == 1,
                     qPrintable(lines().join(QLatin1Char('|'))));
        QVERIFY(lines().filter(QStringLiteral("calibrated")).size() == 1);
        // Long ones are folded.
        for (int i = 0; i < 14; ++i)
            session().toggleFlag();
        session().waitUntilSaved(5000);
        QTRY_COMPARE(lines().size(), 12);
        QVERIFY(lines().filter(QStringLiteral("added to the project")).isEmpty());
        click("historyMore");
        QTRY_VERIFY(lines().size() > 14);
        QVERIFY(lines().filter(QStringLiteral("added to the project")).size() == 1);
    }

    void severalImagesAtOnce() {
        open(6, {320, 240});
        session().setUsesProposalFirst(false);
        const std::vector<ImageId> list = session().list();
        drag({{100, 100}, {140, 100}}); // the first is annotated
        key(Qt::Key_Right);
        QTRY_VERIFY(session().current() == list[1] && decidable());
        auto* view = part<QListView>("worklist");
        QTest::mouseClick(view->viewport(), Qt::LeftButton, {},
                          view->visualRect(view->model()->index(0, 0)).center());
        QTest::mouseClick(view->viewport(), Qt::LeftButton, Qt::ShiftModifier,
                          view->visualRect(view->model()->index(3, 0)).center());
        trigger("flagSelected");
        for (std::size_t i = 0; i < list.size(); ++i)
            QCOMPARE(session().record(list[i])->flagged, i < 4);
        trigger("acceptSelected");
        QCOMPARE(state(list[0]), ReviewState::Accepted);
        QVERIFY(state(list[1]) != ReviewState::Accepted); // nobody annotated it
        QVERIFY2(part<QLabel>("toastText")->text().contains(QLatin1String("3 were left")),
                 qPrintable(part<QLabel>("toastText")->text()));
        trigger("assignToMe");
        QTest::mouseClick(part<QPushButton>("chipMine"), Qt::LeftButton);
        QCOMPARE(session().list(), (std::vector<ImageId>{list.begin(), list.begin() + 4}));
        QTest::mouseClick(part<QPushButton>("chipTodo"), Qt::LeftButton); // both at once
        QCOMPARE(session().list(), (std::vector<ImageId>{list.begin() + 1, list.begin() + 4}));
        part<QLineEdit>("worklistSearch")->setText(QStringLiteral("no such image"));
        QCOMPARE(session().list().size(), std::size_t(0));
        shot(QStringLiteral("review-no-hit"));
        click("clearFilter");
        QCOMPARE(session().list(), list);
        QVERIFY(!part<QPushButton>("chipMine")->isChecked());

        // A reason for all of them.
        view->selectAll();
        trigger("rejectSelected");
        QTRY_VERIFY(QApplication::focusWidget() &&
                    QApplication::focusWidget()->objectName() == QLatin1String("rejectReasons"));
        key(Qt::Key_1);
        key(Qt::Key_Return);
        for (const ImageId id : list)
            QCOMPARE(state(id), ReviewState::Rejected);
    }

    void cleaningUpShowsWhatItWouldDo() {
        open(1, {640, 480});
        session().setUsesProposalFirst(false);
        m_window->toolSettings().brushPx = 30;
        drag({{200, 200}, {400, 200}});
        m_window->toolSettings().brushPx = 4;
        drag({{500, 400}, {503, 400}}); // a speck of about 25 pixels
        const std::size_t all = painted();
        const LabelMap before = document()->labels().toLabelMap();
        key(Qt::Key_K, Qt::ShiftModifier);
        auto* effect = part<QLabel>("cleanUpEffect");
        QVERIFY(part<QWidget>("cleanUpBar")->isVisible());
        part<QDoubleSpinBox>("cleanUpValue")->setValue(3);
        QTRY_VERIFY2(effect->text().contains(QLatin1String("nothing")), qPrintable(effect->text()));
        part<QDoubleSpinBox>("cleanUpValue")->setValue(100);
        QTRY_VERIFY2(effect->text().contains(QLatin1String("removes")), qPrintable(effect->text()));
        QVERIFY(document()->labels().toLabelMap() == before); // a preview changes nothing
        shot(QStringLiteral("review-specks"));
        key(Qt::Key_Escape);
        QVERIFY(!part<QWidget>("cleanUpBar")->isVisible());
        QVERIFY(document()->labels().toLabelMap() == before);
        const std::size_t steps = document()->history().undoCount();
        key(Qt::Key_K, Qt::ShiftModifier);
        part<QDoubleSpinBox>("cleanUpValue")->setValue(100);
        canvas()->setFocus();
        key(Qt::Key_Return);
        QTRY_VERIFY(painted() < all);
        QCOMPARE(int(document()->labels().at(501, 400)), 0);
        QCOMPARE(document()->history().undoCount(), steps + 1);
        key(Qt::Key_F, Qt::ShiftModifier);
        QTRY_VERIFY(!effect->text().isEmpty());
        part<QDoubleSpinBox>("cleanUpValue")->setValue(8);
        QTRY_VERIFY2(effect->text().contains(QLatin1String("px")), qPrintable(effect->text()));
        canvas()->setFocus();
        key(Qt::Key_Return);
        QTRY_COMPARE(document()->history().undoCount(), steps + 2);
        key(Qt::Key_Z, Qt::ControlModifier);
        key(Qt::Key_Z, Qt::ControlModifier);
        QVERIFY(document()->labels().toLabelMap() == before);
    }

    void comparedWithAnEarlierVersionAndRestored() {
        open(2, {640, 480});
        session().setUsesProposalFirst(false);
        const ImageId id = session().current();
        m_window->toolSettings().brushPx = 40;
        drag({{200, 200}, {300, 200}});
        const LabelMap first = document()->labels().toLabelMap();
        const TileMap firstTiles = document()->labels();
        key(Qt::Key_A);
        QTRY_COMPARE(state(id), ReviewState::Accepted);
        showImage(id);
        drag({{300, 200}, {420, 200}});
        const Agreement expected = agreementOf(document()->labels(), firstTiles);
        QTRY_VERIFY(part<QPushButton>("compareVersion") != nullptr);
        part<QPushButton>("compareVersion")->click();
        auto* figures = part<QLabel>("compareFigures");
        QTRY_VERIFY2(figures->text().contains(QLocale().toString(expected.dice, 'f', 3)) &&
                         figures->text().contains(QLocale().toString(expected.hd95Px, 'f', 1)),
                     qPrintable(figures->text()));
        QVERIFY(expected.dice < 0.9 && expected.hd95Px > 10);
        shot(QStringLiteral("review-compare-version"));
        // The figures follow the pen.
        key(Qt::Key_Z, Qt::ControlModifier);
        QTRY_VERIFY2(figures->text().contains(QLocale().toString(1.0, 'f', 3)), qPrintable(figures->text()));
        key(Qt::Key_Y, Qt::ControlModifier);
        // Other sides: image and proposal.
        auto* b = part<QComboBox>("compareB");
        QStringList names;
        for (int i = 0; i < b->count(); ++i)
            names.append(b->itemText(i));
        QVERIFY2(names.contains(QStringLiteral("Image")) && names.contains(QStringLiteral("Proposal")) &&
                     names.size() >= 4,
                 qPrintable(names.join(QLatin1Char('|'))));
        Q_EMIT b->activated(static_cast<int>(names.indexOf(QStringLiteral("Image"))));
        QTRY_VERIFY(figures->text().isEmpty());
        Q_EMIT b->activated(static_cast<int>(names.indexOf(QStringLiteral("Proposal"))));
        QTRY_VERIFY(!figures->text().isEmpty());
        part<QPushButton>("restoreVersion")->click();
        QTRY_VERIFY(document()->labels().toLabelMap() == first);
        QVERIFY(document()->history().canUndo());
        QVERIFY(stored(id) == first);
    }

    // Two people annotate without seeing each other; one of them makes an agreed annotation of the two.
    void twoPeopleAgree() {
        open(2, {640, 480});
        session().setReviewMode(ReviewMode::Independent);
        session().setUsesProposalFirst(false);
        const ImageId id = session().list().front();
        const PersonId ana = session().project()->currentPerson();
        m_window->toolSettings().brushPx = 60;
        drag({{200, 200}, {400, 200}});
        m_window->toolSettings().brushPx = 20;
        drag({{100, 400}, {140, 400}}); // Ana alone
        key(Qt::Key_A);
        QTRY_COMPARE(state(id), ReviewState::Submitted);

        openAs(QStringLiteral("Ben"));
        showImage(id);
        const PersonId ben = session().project()->currentPerson();
        session().setUsesProposalFirst(false);
        QVERIFY(document()->labels().allZero()); // not Ana's
        QTRY_COMPARE(m_window->versions().hidden(), std::vector<PersonId>{ana});
        QVERIFY(m_window->versions().others().empty());
        QVERIFY(m_window->versions().kept().empty());
        QVERIFY(!m_window->commands().action(QStringLiteral("agree"))->isEnabled());
        m_window->toolSettings().brushPx = 60;
        drag({{220, 200}, {420, 200}});
        m_window->toolSettings().brushPx = 20;
        drag({{550, 100}, {560, 100}}); // Ben alone
        key(Qt::Key_A);
        QTRY_COMPARE(state(id), ReviewState::Submitted);
        const LabelMap ofAna = storedOf(id, ana);
        const LabelMap ofBen = storedOf(id, ben);
        QVERIFY(ofAna != ofBen && ofAna.labels.size() == ofBen.labels.size());

        showImage(id);
        QTRY_COMPARE(m_window->versions().others().size(), std::size_t(1));
        QTRY_VERIFY2(m_window->bannerText().contains(QLatin1String("have submitted")),
                     qPrintable(m_window->bannerText()));
        click("bannerAction0");
        QTRY_VERIFY(m_window->agreement().active());
        AgreementWork& work = m_window->agreement();
        const int count = static_cast<int>(work.areas().size());
        QVERIFY(count >= 4); // both ends, and one spot of each
        QCOMPARE(work.openAreas(), count);
        for (int i = 1; i < count; ++i)
            QVERIFY(work.areas()[static_cast<std::size_t>(i - 1)].area.pixels() >=
                    work.areas()[static_cast<std::size_t>(i)].area.pixels());
        QTest::qWait(900); // the flash of the shown area
        shot(QStringLiteral("review-agreement"));
        QVERIFY(!part<QPushButton>("acceptButton")->isEnabled());
        // Steps by keys.
        QCOMPARE(work.index(), 0);
        key(Qt::Key_Down);
        QCOMPARE(work.index(), 1);
        key(Qt::Key_Up);
        QCOMPARE(work.index(), 0);
        LabelMap expected = document()->labels().toLabelMap();
        const std::vector<DisputedArea> areas = work.areas();
        for (int i = 0; i < count; ++i) {
            QCOMPARE(work.index(), i);
            const bool first = i % 2 == 0;
            const DisputedArea& area = areas[static_cast<std::size_t>(i)];
            for (const Span& span : area.area.spans()) {
                for (int x = span.begin; x < span.end; ++x)
                    expected.at(x, span.y) = first ? area.first : area.second;
            }
            key(first ? Qt::Key_Left : Qt::Key_Right, Qt::ControlModifier);
            QCOMPARE(work.openAreas(), count - 1 - i);
        }
        QCOMPARE(work.openAreas(), 0);
        QVERIFY(document()->labels().toLabelMap() == expected);
        // By hand, into a third one; undo opens nothing that was decided otherwise.
        m_window->toolSettings().brushPx = 16;
        drag({{320, 330}, {340, 330}});
        const LabelMap drawn = document()->labels().toLabelMap();
        QVERIFY(drawn != expected);
        QVERIFY(part<QPushButton>("acceptButton")->isEnabled());
        key(Qt::Key_A);
        QTRY_COMPARE(state(id), ReviewState::Accepted);
        QVERIFY(storedOf(id, kAgreed) == drawn);
        QVERIFY(storedOf(id, ana) == ofAna);
        QVERIFY(storedOf(id, ben) == ofBen);
        // Whoever comes back sees their own again, and the agreed one among the versions.
        showImage(id);
        QVERIFY(document()->labels().toLabelMap() == ofBen);
        QTRY_COMPARE(m_window->versions().others().size(), std::size_t(2));
    }

    // What was decided is there after leaving; an undone decision is open again.
    void agreeingGoesOnWhereItStopped() {
        open(1, {320, 240});
        session().setUsesProposalFirst(false);
        const ImageId id = session().current();
        m_window->toolSettings().brushPx = 20;
        drag({{60, 60}, {120, 60}});
        session().waitUntilSaved(5000);
        openAs(QStringLiteral("Ben"));
        showImage(id);
        session().setUsesProposalFirst(false);
        QVERIFY(!document()->labels().allZero()); // one step: Ben begins with what is there
        m_window->toolSettings().brushPx = 20;
        drag({{60, 160}, {120, 160}});
        drag({{200, 160}, {210, 160}});
        session().waitUntilSaved(5000);
        QTRY_VERIFY(m_window->agreement().possible());
        trigger("agree");
        QTRY_VERIFY(m_window->agreement().active());
        AgreementWork& work = m_window->agreement();
        QCOMPARE(work.areas().size(), std::size_t(2));
        work.take(AgreementWork::Decision::First); // Ben is the current person: A
        work.take(AgreementWork::Decision::Second);
        QCOMPARE(work.openAreas(), 0);
        key(Qt::Key_Z, Qt::ControlModifier); // B holds background there: the one step was A's area
        QCOMPARE(work.openAreas(), 1);
        QCOMPARE(work.decision(0), AgreementWork::Decision::Open);
        key(Qt::Key_Y, Qt::ControlModifier);
        QCOMPARE(work.decision(0), AgreementWork::Decision::First);
        trigger("agree");
        QVERIFY(!work.active());
        trigger("agree");
        QTRY_VERIFY(work.active());
        QCOMPARE(work.decision(0), AgreementWork::Decision::First);
        QCOMPARE(work.decision(1), AgreementWork::Decision::Second);
    }
};

LIMN_GUI_TEST_MAIN(TestReview)
#include "tst_review.moc"
