// SPDX-License-Identifier: GPL-3.0-or-later
// Files as they come and go: a moved folder is found again by what its files hold, thousands of dropped files
// do not stop the window, a project that is no longer where it was is located, and strokes that a crash left
// in the journal are told of at the next start.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"
#include "tests/gui/window_fixture.h"

#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"

#include <QApplication>
#include <QDir>
#include <QDragEnterEvent>
#include <QElapsedTimer>
#include <QFileDialog>
#include <QFileInfo>
#include <QImage>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QProcess>
#include <QPushButton>
#include <QSettings>
#include <QTest>
#include <QTimer>

#include <csignal>
#include <thread>

#include <sys/syscall.h>
#include <unistd.h>

using namespace limn;

namespace {

constexpr const char* kCrashFolder = "LIMN_TEST_CRASH_FOLDER";

} // namespace

class TestFiles : public QObject, private WindowDriver {
    Q_OBJECT

    // Types the folder into the file dialog that is about to come.
    void chooseInDialog(const QString& folder) {
        auto* poll = new QTimer(this);
        connect(poll, &QTimer::timeout, this, [poll, folder] {
            auto* dialog = qobject_cast<QFileDialog*>(QApplication::activeModalWidget());
            if (!dialog)
                return;
            poll->deleteLater();
            poll->stop();
            dialog->findChild<QLineEdit*>(QStringLiteral("fileNameEdit"))->setText(folder);
            QMetaObject::invokeMethod(dialog, "accept", Qt::QueuedConnection);
        });
        poll->start(20);
    }
    bool banner(const char* words) const { return m_window->bannerText().contains(QLatin1String(words)); }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void aMovedFolderIsFoundByWhatItsFilesHold() {
        open(4, {320, 240});
        session().setUsesProposalFirst(false);
        const std::vector<ImageId> list = session().list();
        drag({{100, 100}, {140, 100}});
        const LabelMap drawn = document()->labels().toLabelMap();
        QTRY_VERIFY(!session().project()->isScanning());
        QVERIFY(session().waitUntilSaved(5000).waiting == 0);
        closeWindow();
        // Two files move to another folder under other names, beside one that has nothing to do with them.
        const QString away = m_folder->filePath(QStringLiteral("elsewhere/deep"));
        QVERIFY(QDir().mkpath(away));
        QTemporaryDir outside;
        const QString target = outside.filePath(QStringLiteral("archive"));
        QVERIFY(QDir().mkpath(target));
        QVERIFY(QFile::rename(m_folder->filePath(QStringLiteral("case-001.png")),
                              target + QStringLiteral("/renamed.png")));
        QVERIFY(QFile::rename(m_folder->filePath(QStringLiteral("case-003.png")),
                              target + QStringLiteral("/case-003.png")));
        QImage other(320, 240, QImage::Format_RGB888);
        other.fill(Qt::red);
        QVERIFY(other.save(target + QStringLiteral("/stranger.png")));

        showWindow();
        m_window->setModels({discModel(0)});
        m_window->open({m_folder->path()});
        QTRY_VERIFY2_WITH_TIMEOUT(banner("2 images are no longer where they were"),
                                  qPrintable(m_window->bannerText()), 10000);
        shot(QStringLiteral("files-missing"));
        // The image itself says it too, with the same way out.
        session().show(list[0]);
        QTRY_VERIFY(session().imageError());
        QTRY_VERIFY(part<QPushButton>("locateMissing")->isVisible());
        shot(QStringLiteral("files-missing-image"));
        // The wrong folder finds nothing and takes nothing in.
        chooseInDialog(away);
        QTest::mouseClick(part<QPushButton>("locateMissing"), Qt::LeftButton);
        QTRY_VERIFY(part<QLabel>("toastText")->text().contains(QLatin1String("None of the missing")));
        QCOMPARE(session().project()->missingImages().size(), std::size_t(2));
        chooseInDialog(target);
        QTest::mouseClick(part<QPushButton>("bannerAction0"), Qt::LeftButton);
        QTRY_VERIFY2(part<QLabel>("toastText")->text().contains(QLatin1String("2 images were found again")),
                     qPrintable(part<QLabel>("toastText")->text()));
        QVERIFY(!banner("no longer where"));
        // The shown one is on the screen with what was drawn, and the stranger was not added.
        QTRY_VERIFY_WITH_TIMEOUT(session().ready() && session().current() == list[0], 10000);
        QVERIFY(document()->labels().toLabelMap() == drawn);
        QCOMPARE(session().project()->worklist().size(), std::size_t(4));
        QCOMPARE(QFileInfo(QString::fromStdString(session().project()->absolutePath(list[0]))).fileName(),
                 QStringLiteral("renamed.png"));
        QTRY_VERIFY_WITH_TIMEOUT(document()->proposal() != nullptr, 10000); // the model finds it too
        QVERIFY(session().waitUntilSaved(5000).waiting == 0);
        closeWindow();
        // And it stays so.
        openFolder();
        QTRY_VERIFY(!session().project()->isScanning());
        QVERIFY(session().project()->missingImages().empty());
        QCOMPARE(session().project()->worklist().size(), std::size_t(4));
    }

    void aMovedProjectTakesThePlaceOfTheOldEntry() {
        open(2, {320, 240});
        QVERIFY(session().waitUntilSaved(5000).waiting == 0);
        closeWindow();
        const QString before = m_folder->path();
        const QString after = before + QStringLiteral("-moved");
        QVERIFY(QDir().rename(before, after));
        showWindow();
        m_window->setModels({});
        QPushButton* locate = nullptr;
        const auto offered = [&] {
            for (QPushButton* button : m_window->findChildren<QPushButton*>()) {
                if (button->text() == QStringLiteral("Locate…") && button->isVisible())
                    locate = button;
            }
            return locate != nullptr;
        };
        QTRY_VERIFY(offered());
        shot(QStringLiteral("files-recent-missing"));
        chooseInDialog(after);
        QTest::mouseClick(locate, Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(session().ready(), 10000);
        const QStringList recent = QSettings().value(QStringLiteral("recent")).toStringList();
        QVERIFY(!recent.contains(before));
        QCOMPARE(recent.first(), after);
        closeWindow();
        QVERIFY(QDir().rename(after, before));
    }

    // Files that were chosen in a folder that is no project yet: the first of them is shown, not the
    // folder's.
    void aChosenFileIsShown() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 4, {320, 240});
        const QString third = m_folder->filePath(QStringLiteral("case-003.png"));
        showWindow();
        m_window->setModels({discModel(0)});
        m_window->open({third});
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
        QTRY_VERIFY(!session().project()->isScanning());
        QCOMPARE(session().currentRecord()->path, std::string("case-003.png"));
        QCOMPARE(session().project()->worklist().size(), std::size_t(4));
        closeWindow();
        // Several: these alone, and the first of them is shown.
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 4, {320, 240});
        showWindow();
        m_window->setModels({discModel(0)});
        m_window->open({m_folder->filePath(QStringLiteral("case-003.png")),
                        m_folder->filePath(QStringLiteral("case-001.png"))});
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
        QTRY_VERIFY(!session().project()->isScanning());
        QCOMPARE(session().currentRecord()->path, std::string("case-003.png"));
        QCOMPARE(session().project()->worklist().size(), std::size_t(2));
    }

    void aDropOnAProjectIsOutlinedWithWhatItWillDo() {
        open(2, {320, 240});
        auto* frame = m_window->findChild<QLabel*>(QStringLiteral("dropFrame"));
        QVERIFY(frame && !frame->isVisible());
        QMimeData mime;
        mime.setUrls({QUrl::fromLocalFile(QStringLiteral("/there/a.png")),
                      QUrl::fromLocalFile(QStringLiteral("/there/b.png"))});
        QDragEnterEvent enter({600, 300}, Qt::CopyAction, &mime, Qt::LeftButton, {});
        QApplication::sendEvent(m_window.get(), &enter);
        QVERIFY(frame->isVisible());
        QCOMPARE(frame->geometry(), m_window->rect());
        QCOMPARE(frame->text(), QStringLiteral("Add 2 images"));
        shot(QStringLiteral("drop"));
        QDragLeaveEvent leave;
        QApplication::sendEvent(m_window.get(), &leave);
        QVERIFY(!frame->isVisible());
        QTemporaryDir folder;
        mime.setUrls({QUrl::fromLocalFile(folder.path())});
        QApplication::sendEvent(m_window.get(), &enter);
        QVERIFY(frame->text().contains(QFileInfo(folder.path()).fileName()));
        QDropEvent drop(QPointF(600, 300), Qt::CopyAction, &mime, Qt::LeftButton, {});
        QApplication::sendEvent(m_window.get(), &drop);
        QVERIFY(!frame->isVisible());
        QVERIFY(m_window->bannerText().contains(QLatin1String("add to this project")));
    }

    // 5,000 files dropped on the window: the first image within a second, and the loop never stands still.
    void thousandsOfFilesDoNotStopTheWindow() {
        QTemporaryDir many;
        QStringList files;
        QImage small(24, 16, QImage::Format_RGB888);
        for (int i = 0; i < 5000; ++i) {
            small.fill(QColor(i % 256, (i / 256) % 256, 90));
            files.append(many.filePath(QStringLiteral("image-%1.bmp").arg(i, 4, 10, QLatin1Char('0'))));
            QVERIFY(small.save(files.last()));
        }
        showWindow();
        m_window->setModels({});
        RendererClock renderer(canvas());
        EventLoopProbe probe(canvas(), renderer);
        const int guiThread = static_cast<int>(syscall(SYS_gettid));
        const double others = runQueueMs(guiThread);
        QElapsedTimer clock;
        clock.start();
        QMimeData mime;
        QList<QUrl> urls;
        for (const QString& file : files)
            urls.append(QUrl::fromLocalFile(file));
        mime.setUrls(urls);
        QDragEnterEvent enter({600, 300}, Qt::CopyAction, &mime, Qt::LeftButton, {});
        QApplication::sendEvent(m_window.get(), &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(600, 300), Qt::CopyAction, &mime, Qt::LeftButton, {});
        QApplication::sendEvent(m_window.get(), &drop);
        QTRY_VERIFY_WITH_TIMEOUT(session().ready() && session().painted(), 10000);
        const qint64 first = clock.elapsed();
        const double given = runQueueMs(guiThread) - others;
        QTRY_COMPARE_WITH_TIMEOUT(session().list().size(), std::size_t(5000), 60000);
        const qint64 listed = clock.elapsed();
        QTRY_VERIFY_WITH_TIMEOUT(!session().project()->isScanning(), 120000);
        probe.stop();
        std::printf("5,000 files dropped: first image after %lld ms, all listed after %lld ms, all looked at "
                    "after %lld ms; the loop's own pauses: median %.1f, 95 %% %.1f, worst %.1f ms\n",
                    static_cast<long long>(first), static_cast<long long>(listed),
                    static_cast<long long>(clock.elapsed()), quantile(probe.ownLatencies(), 0.5),
                    quantile(probe.ownLatencies(), 0.95), quantile(probe.ownLatencies(), 1.0));
        QVERIFY2(static_cast<double>(first) - given < 1000, qPrintable(QString::number(first)));
        QVERIFY2(quantile(probe.ownLatencies(), 1.0) < 250,
                 qPrintable(QString::number(quantile(probe.ownLatencies(), 1.0))));
        QVERIFY(quantile(probe.ownLatencies(), 0.95) < 50);
        shot(QStringLiteral("files-5000"));
    }

    // A process draws while its store is held up, and is killed; the next one says what it took over.
    void strokesOutOfTheJournalAreToldOf() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 2, {320, 240});
        QProcess child;
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QLatin1String(kCrashFolder), m_folder->path());
        child.setProcessEnvironment(environment);
        child.start(QCoreApplication::applicationFilePath(), {QStringLiteral("drawAndDie")});
        QVERIFY(child.waitForFinished(60000));
        QCOMPARE(child.exitStatus(), QProcess::CrashExit);
        openFolder();
        QVERIFY2(banner("The program ended before everything was in the project file"),
                 qPrintable(m_window->bannerText()));
        QVERIFY(banner("nothing is lost"));
        shot(QStringLiteral("files-recovered"));
        QVERIFY(painted() > 100);
        QFile expected(m_folder->filePath(QStringLiteral("drawn.raw")));
        QVERIFY(expected.open(QIODevice::ReadOnly));
        const LabelMap now = document()->labels().toLabelMap();
        QVERIFY(expected.readAll() ==
                QByteArray(reinterpret_cast<const char*>(now.labels.data()), qsizetype(now.labels.size())));
        // Once: it is in the project file now.
        closeWindow();
        openFolder();
        QVERIFY(!banner("The program ended"));
    }

    // Not a test by itself: the process that the one above starts and that kills itself.
    void drawAndDie() {
        if (!qEnvironmentVariableIsSet(kCrashFolder))
            return;
        showWindow();
        m_window->setModels({discModel(0)});
        m_window->open({qEnvironmentVariable(kCrashFolder)});
        QTRY_VERIFY_WITH_TIMEOUT(session().ready() && session().painted() && document()->proposal(), 10000);
        QTRY_VERIFY(!session().project()->isScanning());
        QVERIFY(session().waitUntilSaved(10000).waiting == 0);
        session().setUsesProposalFirst(false);
        session().project()->saver().post([](ProjectStore&) -> Result<void> {
            std::this_thread::sleep_for(std::chrono::seconds(60));
            return {};
        });
        drag({{60, 60}, {200, 120}});
        drag({{60, 160}, {200, 160}});
        const LabelMap drawn = document()->labels().toLabelMap();
        QFile file(qEnvironmentVariable(kCrashFolder) + QStringLiteral("/drawn.raw"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(reinterpret_cast<const char*>(drawn.labels.data()), qint64(drawn.labels.size()));
        file.close();
        QTest::qWait(500); // the journal has it; the project file never does
        std::raise(SIGKILL);
    }
};

LIMN_GUI_TEST_MAIN(TestFiles)
#include "tst_files.moc"
