// SPDX-License-Identifier: GPL-3.0-or-later
// What goes on beside the window: tasks with device and milliseconds, cancelled at once, the list of all
// messages, the question before work is lost, an export that goes on behind a closed dialog, and the way back
// after several images were changed at once.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"
#include "tests/gui/window_fixture.h"

#include "io/store/project_store.h"
#include "ui/canvas/canvas_view.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/theme/application_setup.h"
#include "ui/window/activity_panel.h"

#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QListWidget>
#include <QMessageBox>
#include <QProgressBar>
#include <QPushButton>
#include <QTabWidget>
#include <QTest>
#include <QTimer>
#include <QToolButton>
#include <QTreeWidget>

#include <sys/syscall.h>
#include <unistd.h>

using namespace limn;

class TestActivity : public QObject, private WindowDriver {
    Q_OBJECT

    // Answers the question that is about to come by the text of a button; says whether it came.
    void answerWith(const char* button, bool* asked) {
        QTimer::singleShot(0, this, [this, button, asked] {
            auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
            if (!box)
                return;
            *asked = true;
            m_question = box->text();
            for (QAbstractButton* one : box->buttons()) {
                if (one->text() == QLatin1String(button))
                    QTest::mouseClick(one, Qt::LeftButton);
            }
        });
    }
    void selectFirst(int rows) {
        auto* view = part<QListView>("worklist");
        QTest::mouseClick(view->viewport(), Qt::LeftButton, {},
                          view->visualRect(view->model()->index(0, 0)).center());
        QTest::mouseClick(view->viewport(), Qt::LeftButton, Qt::ShiftModifier,
                          view->visualRect(view->model()->index(rows - 1, 0)).center());
    }
    std::vector<ImageRecord> storedImages() {
        session().waitUntilSaved(5000);
        StoreOptions reading;
        reading.create = false;
        reading.readOnly = true;
        auto store = ProjectStore::open(session().project()->filePath(), reading);
        auto images = (*store)->images();
        return images ? *images : std::vector<ImageRecord>();
    }

    QString m_question;

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void tasksAreShownCountedAndCancelled() {
        const int images = qEnvironmentVariableIsSet("LIMN_FULL") ? 120 : 24;
        open(images, {320, 240}, 120);
        QTRY_VERIFY_WITH_TIMEOUT(decidable() && session().proposalProgress().waiting == 0, 10000);
        QTRY_VERIFY(!part<QWidget>("taskProgress")->isVisible());
        trigger("runAll");
        QVERIFY(!part<QWidget>("taskProgress")->isVisible()); // what is over at once is not shown
        QTRY_VERIFY_WITH_TIMEOUT(part<QWidget>("taskProgress")->isVisible(), 2000);
        trigger("activity");
        auto* panel = part<ActivityPanel>("activityPanel");
        QVERIFY(panel->isVisible());
        QTRY_VERIFY(part<QToolButton>("cancelTask:proposals"));
        auto* runs = part<QTreeWidget>("activityRuns");
        QTRY_VERIFY(runs->topLevelItemCount() > 0);
        const QTreeWidgetItem* run = runs->topLevelItem(0);
        QVERIFY2(run->text(0).startsWith(QLatin1String("case-")), qPrintable(run->text(0)));
        QCOMPARE(run->text(1), QStringLiteral("drawn-disc"));
        QCOMPARE(run->text(2), QStringLiteral("cpu"));
        QCOMPARE(run->text(3), QStringLiteral("1")); // the stages of the test's engine
        QCOMPARE(run->text(4), QStringLiteral("120"));
        QCOMPARE(run->text(6), QStringLiteral("122"));
        QTRY_VERIFY_WITH_TIMEOUT(part<QToolButton>("cancelTasks")->isVisible(), 2000);
        QVERIFY2(part<QLabel>("taskLabel")->text().contains(QStringLiteral(" of %1").arg(images)),
                 qPrintable(part<QLabel>("taskLabel")->text()));
        shot(QStringLiteral("activity-tasks"));
        // What is running is also one click on its progress away.
        QTest::keyClick(panel, Qt::Key_Escape);
        QVERIFY(!panel->isVisible());
        QTest::mouseClick(part<QWidget>("taskProgress"), Qt::LeftButton);
        QVERIFY(panel->isVisible());
        if (qEnvironmentVariableIsSet("LIMN_FULL")) // the end of the first ten seconds
            QTRY_VERIFY2_WITH_TIMEOUT(part<QLabel>("taskLabel")->text().contains(QLatin1String(" s left")),
                                      qPrintable(part<QLabel>("taskLabel")->text()), 12000);
        // Answered without waiting for what runs (without what the machine gave to others meanwhile).
        const int thread = static_cast<int>(syscall(SYS_gettid));
        const double others = runQueueMs(thread);
        QElapsedTimer clock;
        clock.start();
        QTest::mouseClick(part<QToolButton>("cancelTasks"), Qt::LeftButton);
        const double ms = static_cast<double>(clock.nsecsElapsed()) / 1e6 - (runQueueMs(thread) - others);
        QVERIFY2(ms < 400, qPrintable(QString::number(ms)));
        QVERIFY(m_window->statusText().contains(QLatin1String("are kept")));
        QTRY_VERIFY(!part<QToolButton>("cancelTasks")->isVisible());
        QCOMPARE(session().backgroundWork().proposalsTotal, 0);
        // Stopped: no image more gets a proposal.
        QTest::qWait(300);
        const std::size_t made = session().finishedRuns().size();
        QTest::qWait(400);
        QCOMPARE(session().finishedRuns().size(), made);
        QVERIFY(session().project()->worklist().counts().byState[1] < std::size_t(images));
        QTest::keyClick(panel, Qt::Key_Escape);
        QVERIFY(!panel->isVisible());
    }

    void messagesAreKept() {
        open(3, {320, 240});
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
        key(Qt::Key_A);
        QTRY_VERIFY_WITH_TIMEOUT(decidable() && session().currentRow() == 1, 10000);
        m_window->setModels({});
        trigger("activity");
        auto* list = part<QListWidget>("activityMessages");
        part<QTabWidget>("activityTabs")->setCurrentIndex(1);
        QTRY_VERIFY(list->count() >= 2);
        const QString all = [list] {
            QString text;
            for (int i = 0; i < list->count(); ++i)
                text += list->item(i)->text() + QLatin1Char('\n');
            return text;
        }();
        QVERIFY2(all.contains(QLatin1String("case-001 was accepted.")), qPrintable(all));
        QVERIFY2(all.contains(QLatin1String("No model was found")), qPrintable(all));
        shot(QStringLiteral("activity-messages"));
        // A click elsewhere closes it.
        canvas()->setFocus();
        QVERIFY(!part<QWidget>("activityPanel")->isVisible());
    }

    void quittingAsksOnlyOverWorkThatIsLost() {
        open(10, {320, 240}, 150);
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
        trigger("runAll");
        QVERIFY(session().backgroundWork().proposalsTotal > 0);
        bool asked = false;
        answerWith("Keep working", &asked);
        m_window->close();
        QVERIFY(asked && m_window->isVisible());
        QVERIFY2(m_question.contains(QLatin1String("of 10 are done")), qPrintable(m_question));
        QVERIFY(session().backgroundWork().proposalsTotal > 0);
        asked = false;
        answerWith("Stop and quit", &asked);
        m_window->close();
        QVERIFY(asked && !m_window->isVisible());
        // Nothing goes on any more, not even a proposal made beforehand: no question.
        m_window->show();
        asked = false;
        answerWith("Keep working", &asked);
        m_window->close();
        QCoreApplication::processEvents();
        QVERIFY(!asked && !m_window->isVisible());
    }

    void anExportGoesOnBehindAClosedDialog() {
        open(20, {1024, 768});
        session().setUsesProposalFirst(true);
        for (int i = 0; i < 20; ++i) {
            QTRY_VERIFY_WITH_TIMEOUT(decidable() && session().currentRow() == i, 10000);
            key(Qt::Key_A);
        }
        QTRY_COMPARE(session().project()->worklist().counts().byState[4], std::size_t(20));
        trigger("export");
        auto* dialog = part<ExportDialog>("exportDialog");
        dialog->findChild<QLineEdit*>(QStringLiteral("exportFolder"))
            ->setText(m_folder->filePath(QStringLiteral("out")));
        dialog->findChild<QAbstractButton*>(QStringLiteral("exportFormat-overlays"))->setChecked(true);
        dialog->findChild<QAbstractButton*>(QStringLiteral("exportFormat-images"))->setChecked(true);
        QTest::mouseClick(dialog->findChild<QPushButton*>(QStringLiteral("exportStart")), Qt::LeftButton);
        QTRY_VERIFY(dialog->progress().done > 0);
        QVERIFY(dialog->isRunning());
        QTest::keyClick(dialog, Qt::Key_Escape);
        QVERIFY(!dialog->isVisible() && dialog->isRunning());
        trigger("activity");
        QTRY_VERIFY(part<QToolButton>("cancelTask:export"));
        shot(QStringLiteral("activity-export"));
        // The same command brings the running one back, and there is only this one.
        trigger("export");
        QVERIFY(dialog->isVisible());
        dialog->close();
        QTRY_VERIFY_WITH_TIMEOUT(!dialog->isRunning(), 60000);
        QTRY_VERIFY(part<QLabel>("toastText")->text().contains(QLatin1String("20 written")));
        QCOMPARE(QDir(m_folder->filePath(QStringLiteral("out")))
                     .entryList({QStringLiteral("*_overlay.jpg")})
                     .size(),
                 20);
        QTest::mouseClick(part<QPushButton>("toastAction"), Qt::LeftButton);
        QVERIFY(dialog->isVisible());
        QVERIFY(dialog->findChild<QTreeWidget*>(QStringLiteral("exportReport"))->isVisible());
        dialog->close();
    }

    // The first stroke on an image uses its proposal; the offer to take back both is about these two alone.
    void undoBothTakesBackTheProposalAndTheStroke() {
        open(3, {320, 240});
        const auto steps = [this] { return document()->history().undoCount(); };
        auto* toast = part<QWidget>("toast");
        drag({{10, 10}, {40, 10}});
        QCOMPARE(steps(), std::size_t(2));
        QVERIFY(toast->isVisible());
        QCOMPARE(part<QPushButton>("toastAction")->text(), QStringLiteral("Undo both"));
        QTest::mouseClick(part<QPushButton>("toastAction"), Qt::LeftButton);
        QCOMPARE(steps(), std::size_t(0));
        QCOMPARE(painted(), std::size_t(0));
        const auto next = [this] {
            const ImageId before = session().current();
            key(Qt::Key_Right);
            QTRY_VERIFY(session().current() != before && decidable());
        };
        // A stroke that was dropped leaves one.
        next();
        QTest::mousePress(canvas(), Qt::LeftButton, {}, at(10, 10));
        QVERIFY(toast->isVisible());
        key(Qt::Key_Escape);
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(10, 10));
        QCOMPARE(steps(), std::size_t(1));
        QTest::mouseClick(part<QPushButton>("toastAction"), Qt::LeftButton);
        QCOMPARE(steps(), std::size_t(0));
        // With a further stroke the offer goes, and with another image on the screen.
        next();
        drag({{10, 10}, {40, 10}});
        QVERIFY(toast->isVisible());
        drag({{10, 30}, {40, 30}});
        QCOMPARE(steps(), std::size_t(3));
        QVERIFY(!toast->isVisible());
    }

    void undoBothEndsWithItsImage() {
        open(2, {320, 240});
        drag({{10, 10}, {40, 10}});
        QVERIFY(part<QWidget>("toast")->isVisible());
        key(Qt::Key_Right);
        QTRY_VERIFY(decidable());
        QVERIFY(!part<QWidget>("toast")->isVisible());
    }

    void severalImagesAtOnceAreTakenBack() {
        open(6, {320, 240});
        session().setUsesProposalFirst(false);
        const std::vector<ImageId> list = session().list();
        // What the model does meanwhile is another thing.
        trigger("runAll");
        QTRY_COMPARE_WITH_TIMEOUT(session().project()->worklist().counts().byState[1], std::size_t(6), 10000);
        drag({{100, 100}, {140, 100}});
        key(Qt::Key_Right);
        QTRY_VERIFY(session().current() == list[1] && decidable());
        drag({{100, 100}, {140, 100}});
        const std::vector<ImageRecord> before = storedImages();
        const auto sameAsBefore = [&] {
            const std::vector<ImageRecord> now = storedImages();
            for (std::size_t i = 0; i < now.size(); ++i) {
                if (now[i].state != before[i].state || now[i].flagged != before[i].flagged ||
                    now[i].assignee != before[i].assignee || now[i].reason != before[i].reason)
                    return false;
            }
            return true;
        };
        const auto undo = [&] {
            QVERIFY(part<QWidget>("toast")->isVisible());
            QCOMPARE(part<QPushButton>("toastAction")->text(), QStringLiteral("Undo"));
            QTest::mouseClick(part<QPushButton>("toastAction"), Qt::LeftButton);
        };
        selectFirst(4);
        trigger("acceptSelected");
        QVERIFY(part<QLabel>("toastText")->text().startsWith(QLatin1String("2 images were accepted.")));
        QVERIFY(part<QLabel>("toastText")->text().contains(QLatin1String("2 were left")));
        shot(QStringLiteral("activity-several"));
        QVERIFY(!sameAsBefore());
        undo();
        QVERIFY(sameAsBefore());
        QVERIFY(m_window->statusText().contains(QLatin1String("2 images are again as they were")));

        trigger("flagSelected");
        QVERIFY(session().record(list[3])->flagged && !sameAsBefore());
        undo();
        QVERIFY(sameAsBefore());

        trigger("assignToMe");
        QVERIFY(!sameAsBefore());
        undo();
        QVERIFY(sameAsBefore());

        // Rejected: also images that nobody had worked on are what they were.
        trigger("rejectSelected");
        QTRY_VERIFY(QApplication::focusWidget() &&
                    QApplication::focusWidget()->objectName() == QLatin1String("rejectReasons"));
        key(Qt::Key_1);
        key(Qt::Key_Return);
        QCOMPARE(session().record(list[3])->state, ReviewState::Rejected);
        // What somebody changed meanwhile stays.
        QVERIFY(session().project()->setState({list[0]}, ReviewState::Accepted).ok());
        undo();
        QCOMPARE(session().record(list[0])->state, ReviewState::Accepted);
        for (std::size_t i = 1; i < 4; ++i)
            QCOMPARE(session().record(list[i])->state, before[i].state);
        QCOMPARE(session().takeBackSeveral(), 0);
    }
};

LIMN_GUI_TEST_MAIN(TestActivity)
#include "tst_activity.moc"
