// SPDX-License-Identifier: GPL-3.0-or-later
// What lies around the image: start page, opening and dropping, the worklist with its pictures, orders,
// filters and counts, empty places with their way out, and the layout that is kept.
#include "tests/gui/fake_engine.h"
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "ui/canvas/canvas_view.h"
#include "ui/panels/section.h"
#include "ui/panels/worklist_pane.h"
#include "ui/theme/application_setup.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QComboBox>
#include <QDragEnterEvent>
#include <QDropEvent>
#include <QElapsedTimer>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QMenuBar>
#include <QMimeData>
#include <QPushButton>
#include <QScreen>
#include <QSettings>
#include <QSplitter>
#include <QTest>
#include <QToolButton>

using namespace limn;

class TestListing : public QObject, private WindowDriver {
    Q_OBJECT

    void click(const char* name) {
        auto* button = part<QAbstractButton>(name);
        QVERIFY2(button && button->isVisible(), name);
        QTest::mouseClick(button, Qt::LeftButton);
    }
    WorklistModel* rows() const { return m_window->findChild<WorklistPane*>()->model(); }
    ReviewState state(ImageId id) const { return session().record(id)->state; }
    void openAs(const QString& person) {
        session().waitUntilSaved(5000);
        closeWindow();
        QSettings().setValue(QStringLiteral("person"), person);
        openFolder();
    }
    void showImage(ImageId id) {
        session().show(id);
        QTRY_VERIFY(session().current() == id && decidable());
    }
    void reject() {
        key(Qt::Key_X);
        QTRY_VERIFY(QApplication::focusWidget() &&
                    QApplication::focusWidget()->objectName() == QLatin1String("rejectReasons"));
        key(Qt::Key_2);
        key(Qt::Key_Return);
    }
    // As pixels of the colour in a picture.
    static int count(const QImage& image, QRgb color) {
        const QImage plain = image.convertToFormat(QImage::Format_ARGB32);
        int found = 0;
        for (int y = 0; y < plain.height(); ++y) {
            for (int x = 0; x < plain.width(); ++x)
                found += plain.pixel(x, y) == color;
        }
        return found;
    }
    int rowOf(ImageId id) const {
        for (int row = 0; row < rows()->rowCount(); ++row) {
            if (rows()->idAt(row) == id)
                return row;
        }
        return -1;
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    // ----------------------------------------------------------------------------------------- start page

    void theStartPageListsTenProjectsModelAndDevice() {
        QTemporaryDir here;
        QStringList recent;
        for (int i = 0; i < 10; ++i) {
            recent.append(here.filePath(QStringLiteral("project-%1").arg(i)));
            if (i % 3 != 2)
                QVERIFY(QDir().mkpath(recent.last()));
        }
        QSettings().setValue(QStringLiteral("recent"), recent);
        showWindow();
        m_window->setModels({discModel(0)});
        QCOMPARE(m_window->findChildren<QWidget*>(QStringLiteral("recentRow")).size(), 10);
        // Those that are gone offer to be found.
        const auto locates = [this] {
            int found = 0;
            for (const QPushButton* button : m_window->findChildren<QPushButton*>())
                found += button->isVisible() && button->text() == QStringLiteral("Locate…");
            return found;
        };
        QTRY_COMPARE(locates(), 3);
        const auto says = [this](const char* words) {
            for (const QLabel* label : m_window->findChildren<QLabel*>()) {
                if (label->isVisible() && label->text().contains(QLatin1String(words)))
                    return true;
            }
            return false;
        };
        QVERIFY(says("it makes no diagnosis"));
        QTRY_VERIFY(says("drawn-disc"));
        QTRY_VERIFY(says("Device: test")); // what the engine of this test calls it
        shot(QStringLiteral("start-ten"));
        // The menu has the same.
        QMenu* menu = nullptr;
        for (QMenu* one : m_window->findChildren<QMenu*>()) {
            if (one->title().remove(QLatin1Char('&')) == QStringLiteral("Recent"))
                menu = one;
        }
        QVERIFY(menu);
        QCOMPARE(menu->actions().size(), 10);
    }

    void theNameIsAskedAtTheFirstEdit() {
        QSettings().remove(QStringLiteral("person"));
        open(1, {320, 240});
        QVERIFY(m_window->bannerText().isEmpty());
        session().setUsesProposalFirst(false);
        drag({{40, 40}, {60, 40}});
        QTRY_VERIFY(m_window->bannerText().contains(QLatin1String("Is it right?")));
        QVERIFY(!QApplication::activeModalWidget());
        auto* entry = part<QLineEdit>("bannerEntry");
        QVERIFY(entry->isVisible());
        entry->setText(QStringLiteral("Ana Nováková"));
        QTest::keyClick(entry, Qt::Key_Return);
        QCOMPARE(session().personName(), QStringLiteral("Ana Nováková"));
        QVERIFY(m_window->bannerText().isEmpty());
        session().waitUntilSaved(5000);
        const auto& people = session().project()->people();
        QTRY_VERIFY(std::any_of(people.begin(), people.end(),
                                [](const PersonRecord& p) { return p.name == "Ana Nováková"; }));
        drag({{40, 80}, {60, 80}});
        QVERIFY(m_window->bannerText().isEmpty()); // once
    }

    void whatIsDroppedIsAddedOrOpened() {
        open(2, {320, 240});
        QTemporaryDir other;
        drawImages(other.path(), 3, {200, 150});
        const auto dropFolder = [&] {
            QMimeData mime;
            mime.setUrls({QUrl::fromLocalFile(other.path())});
            QDragEnterEvent enter({600, 300}, Qt::CopyAction, &mime, Qt::LeftButton, {});
            QApplication::sendEvent(m_window.get(), &enter);
            QDropEvent drop(QPointF(600, 300), Qt::CopyAction, &mime, Qt::LeftButton, {});
            QApplication::sendEvent(m_window.get(), &drop);
        };
        dropFolder();
        QCOMPARE(part<QPushButton>("bannerAction0")->text(), QStringLiteral("Add here"));
        QTest::mouseClick(part<QPushButton>("bannerAction0"), Qt::LeftButton);
        QTRY_COMPARE(session().list().size(), std::size_t(5));
        dropFolder();
        QCOMPARE(part<QPushButton>("bannerAction1")->text(), QStringLiteral("New project"));
        QTest::mouseClick(part<QPushButton>("bannerAction1"), Qt::LeftButton);
        QTRY_VERIFY(session().hasProject() && session().list().size() == 3);
        QTRY_VERIFY(decidable());
        QCOMPARE(QFileInfo(QString::fromStdString(session().project()->imageFolder())).canonicalFilePath(),
                 QFileInfo(other.path()).canonicalFilePath());
        // Folders are not counted as images; without a project the window is outlined, too.
        closeWindow();
        showWindow();
        m_window->setModels({});
        QMimeData mime;
        mime.setUrls({QUrl::fromLocalFile(other.path()), QUrl::fromLocalFile(m_folder->path())});
        QDragEnterEvent enter({600, 300}, Qt::CopyAction, &mime, Qt::LeftButton, {});
        QApplication::sendEvent(m_window.get(), &enter);
        QVERIFY(part<QLabel>("dropFrame")->isVisible());
        QCOMPARE(part<QLabel>("dropFrame")->text(), QStringLiteral("Add 2 files and folders"));
        QDragLeaveEvent leave;
        QApplication::sendEvent(m_window.get(), &leave);
    }

    // A project that was saved elsewhere is found again by its file, one beside its images by its folder.
    void recentProjectsAreTheOnesThatWereOpen() {
        open(1, {320, 240});
        QCOMPARE(QSettings().value(QStringLiteral("recent")).toStringList().first(),
                 QFileInfo(m_folder->path()).canonicalFilePath());
        session().waitUntilSaved(5000);
        QTemporaryDir away;
        const QString file = away.filePath(QStringLiteral("copy.limn"));
        bool done = false;
        session().project()->saveElsewhere(file.toStdString(), [&](const Result<void>& saved) {
            QVERIFY(saved.ok());
            done = true;
        });
        QTRY_VERIFY(done);
        closeWindow();
        showWindow();
        m_window->setModels({discModel(0)});
        m_window->open({file});
        QTRY_VERIFY(decidable());
        QCOMPARE(QSettings().value(QStringLiteral("recent")).toStringList().first(), file);
    }

    // ------------------------------------------------------------------------------------------- worklist

    // Outlines are there for every row: what was proposed or drawn in this sitting and before it, without
    // showing the image.
    void everyPictureHasItsOutline() {
        constexpr QRgb proposal = qRgb(0xF0, 0xE4, 0x42);
        constexpr QRgb label = qRgb(0x56, 0xB4, 0xE9);
        open(8, {320, 240});
        const std::vector<ImageId> list = session().list();
        trigger("runAll");
        QTRY_COMPARE_WITH_TIMEOUT(session().project()->worklist().counts().byState[1], std::size_t(8), 20000);
        const auto has = [&](std::size_t i, QRgb color) {
            return count(rows()->outlineAt(rowOf(list[i])), color) > 20;
        };
        for (std::size_t i = 0; i < list.size(); ++i)
            QTRY_VERIFY2(has(i, proposal), qPrintable(QString::number(i)));
        key(Qt::Key_U);
        QTRY_VERIFY(has(0, label));
        session().waitUntilSaved(5000);
        QTRY_VERIFY(!session().project()->isScanning());
        openAs(QStringLiteral("Ana"));
        showImage(list[4]);
        QTRY_VERIFY2(has(0, label) && !has(0, proposal), "drawn in an earlier sitting");
        for (const std::size_t i : {1u, 2u, 6u, 7u})
            QTRY_VERIFY2(has(i, proposal), qPrintable(QString::number(i)));
        QTest::qWait(300);
        shot(QStringLiteral("worklist-outlines"));
        // Whoever annotates without seeing the others sees no outline of theirs either.
        session().setReviewMode(ReviewMode::Independent);
        openAs(QStringLiteral("Ben"));
        showImage(list[4]);
        QTest::qWait(300);
        QVERIFY(!has(0, label));
    }

    void theOrderFreezesAndNextFollowsIt() {
        open(4, {320, 240});
        trigger("runAll");
        QTRY_COMPARE_WITH_TIMEOUT(session().project()->worklist().counts().byState[1], std::size_t(4), 20000);
        auto* order = part<QComboBox>("worklistOrder");
        order->setCurrentIndex(order->findData(static_cast<int>(WorklistOrder::State)));
        Q_EMIT order->activated(order->currentIndex());
        const std::vector<ImageId> before = session().list();
        auto* again = part<QPushButton>("sortAgain");
        key(Qt::Key_A); // the first is accepted, and would be the last now
        QTRY_COMPARE(session().current(), before[1]);
        QTRY_VERIFY(again->isVisible());
        QCOMPARE(session().list(), before);
        QTRY_VERIFY(decidable());
        key(Qt::Key_Right);
        QTRY_COMPARE(session().current(), before[2]);
        QTest::mouseClick(again, Qt::LeftButton);
        QVERIFY(!again->isVisible());
        QVERIFY(session().list() != before);
        QVERIFY(state(session().list().front()) == ReviewState::Accepted ||
                state(session().list().back()) == ReviewState::Accepted);
        const int row = session().currentRow();
        QTRY_VERIFY(decidable());
        if (row + 1 < 4) {
            key(Qt::Key_Right);
            QTRY_COMPARE(session().current(), session().list()[static_cast<std::size_t>(row + 1)]);
        }
    }

    // One's own rejection is a decision; another's asks the author to correct.
    void aRejectionIsDoneUnlessItComesFromAnother() {
        open(3, {320, 240});
        session().setUsesProposalFirst(false);
        const std::vector<ImageId> list = session().list();
        const auto todo = [this] { return part<QPushButton>("chipTodo")->text(); };
        QCOMPARE(todo(), QStringLiteral("To do 3"));
        drag({{100, 100}, {140, 100}});
        reject(); // edited, and rejected by the same person
        QTRY_COMPARE(state(list[0]), ReviewState::Rejected);
        QTRY_VERIFY(session().current() == list[1] && decidable());
        QCOMPARE(todo(), QStringLiteral("To do 2"));
        reject(); // nobody edited it
        QTRY_COMPARE(state(list[1]), ReviewState::Rejected);
        QTRY_VERIFY(session().current() == list[2] && decidable());
        QCOMPARE(todo(), QStringLiteral("To do 1"));
        drag({{100, 100}, {140, 100}});
        key(Qt::Key_A);
        QTRY_COMPARE(state(list[2]), ReviewState::Accepted);
        QCOMPARE(todo(), QStringLiteral("To do 0"));
        QTRY_VERIFY(m_window->bannerText().contains(QLatin1String("All images are decided")));
        // The export writes the accepted one.
        QCOMPARE(part<QPushButton>("bannerAction0")->text(), QStringLiteral("Export 1"));
        QTest::mouseClick(part<QPushButton>("chipTodo"), Qt::LeftButton);
        QCOMPARE(session().list().size(), std::size_t(0));
        openAs(QStringLiteral("Ben"));
        QCOMPARE(todo(), QStringLiteral("To do 0"));
        showImage(list[2]);
        reject(); // Ana's
        QTRY_COMPARE(state(list[2]), ReviewState::Rejected);
        QCOMPARE(todo(), QStringLiteral("To do 0"));
        openAs(QStringLiteral("Ana"));
        QCOMPARE(todo(), QStringLiteral("To do 1"));
        QTest::mouseClick(part<QPushButton>("chipTodo"), Qt::LeftButton);
        QCOMPARE(session().list(), std::vector<ImageId>{list[2]});
    }

    void oneStateAlone() {
        open(4, {320, 240});
        session().setUsesProposalFirst(false);
        const std::vector<ImageId> list = session().list();
        QTRY_COMPARE(state(list[0]), ReviewState::Proposed);
        drag({{100, 100}, {140, 100}});
        QTRY_COMPARE(state(list[0]), ReviewState::InProgress);
        key(Qt::Key_Right);
        QTRY_VERIFY(session().current() == list[1] && decidable());
        key(Qt::Key_A);
        QTRY_COMPARE(state(list[1]), ReviewState::Accepted);
        auto* button = part<QToolButton>("stateFilter");
        const auto choose = [&](const char* word) {
            Q_EMIT button->menu()->aboutToShow();
            for (QAction* action : button->menu()->actions()) {
                if (action->text().startsWith(QLatin1String(word))) {
                    const QString text = action->text();
                    action->trigger();
                    return text;
                }
            }
            return QString();
        };
        QCOMPARE(choose("in progress"), QStringLiteral("in progress  1"));
        QCOMPARE(session().list(), std::vector<ImageId>{list[0]});
        QVERIFY(button->isChecked());
        QVERIFY(!part<QPushButton>("chipAll")->isChecked());
        QCOMPARE(choose("accepted"), QStringLiteral("accepted  1"));
        QCOMPARE(session().list(), std::vector<ImageId>{list[1]});
        // It combines with the search, and another chip takes its place.
        part<QLineEdit>("worklistSearch")->setText(QStringLiteral("case-003"));
        QCOMPARE(session().list().size(), std::size_t(0));
        part<QLineEdit>("worklistSearch")->clear();
        click("chipTodo");
        QVERIFY(!button->isChecked());
        QCOMPARE(session().list().size(), std::size_t(3));
        choose("in progress");
        choose("in progress"); // once more
        QVERIFY(!button->isChecked() && part<QPushButton>("chipAll")->isChecked());
        QCOMPARE(session().list(), list);
    }

    void noHitHasAWayOutOnEveryPage() {
        open(3, {320, 240});
        key(Qt::Key_G);
        part<QLineEdit>("worklistSearch")->setText(QStringLiteral("no such image"));
        QCOMPARE(session().list().size(), std::size_t(0));
        QVERIFY(part<QLabel>("errorText")->isVisible());
        QCOMPARE(part<QLabel>("errorText")->text(), QStringLiteral("No image matches this filter."));
        shot(QStringLiteral("no-hit-grid"));
        click("clearFilterOnPage");
        QCOMPARE(session().list().size(), std::size_t(3));
        QTRY_VERIFY(part("grid")->isVisible());
        key(Qt::Key_G);
    }

    void withoutAutoAdvanceTheImageStays() {
        open(2, {320, 240});
        session().setAutoAdvance(false);
        const ImageId id = session().current();
        key(Qt::Key_A);
        QTRY_COMPARE(state(id), ReviewState::Accepted);
        QTest::qWait(100);
        QCOMPARE(session().current(), id);
    }

    // -------------------------------------------------------------------------------------------- window

    void theLayoutIsKeptAndReset() {
        open(1, {320, 240});
        auto* splitter = part<QSplitter>("mainSplitter");
        const QList<int> first = splitter->sizes();
        splitter->setSizes({first[0] + 60, first[1] - 100, first[2] + 40});
        const QList<int> wide = splitter->sizes();
        QVERIFY(wide[0] >= first[0] + 50);
        key(Qt::Key_F9);
        QVERIFY(!part("sidePane")->isVisible());
        closeWindow();
        openFolder();
        splitter = part<QSplitter>("mainSplitter");
        QVERIFY(!part("sidePane")->isVisible());
        QCOMPARE(splitter->sizes().first(), wide.first());
        const QSize screen = m_window->screen()->size();
        QVERIFY(QSettings().contains(
            QStringLiteral("layout/%1x%2/geometry").arg(screen.width()).arg(screen.height())));
        for (Section* section : m_window->findChildren<Section*>())
            section->setOpen(false);
        trigger("resetLayout");
        QTRY_VERIFY(part("sidePane")->isVisible());
        QTRY_VERIFY(std::abs(splitter->sizes().first() - 208) < 30);
        for (const Section* section : m_window->findChildren<Section*>())
            QVERIFY(section->isOpen());
    }
};

LIMN_GUI_TEST_MAIN(TestListing)
#include "tst_listing.moc"
