// SPDX-License-Identifier: GPL-3.0-or-later
// Trouble as a person meets it: each kind says its sentence with a way out, and editing goes on; empty places
// say why they are empty, and their button works.
#include "tests/gui/fake_engine.h"
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "ui/canvas/canvas_view.h"
#include "ui/session/sentences.h"
#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"

#include <QAction>
#include <QApplication>
#include <QDialog>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMessageBox>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTest>
#include <QToolButton>

#include <csignal>
#include <set>
#include <sys/resource.h>

using namespace limn;

namespace {

// As an engine whose graphics card ran out of memory.
class FallenBackEngine : public FakeEngine {
public:
    FallenBackEngine() : FakeEngine(0) {}
    Proposal finish(const Image& image, FloatMap network, const PredictOptions& options) const override {
        Proposal proposal = FakeEngine::finish(image, std::move(network), options);
        proposal.notes.push_back("Too little GPU memory: this run uses the processor and takes longer.");
        return proposal;
    }
};

// How often a widget came to be seen.
class ShowCounter : public QObject {
public:
    explicit ShowCounter(QWidget* widget) { widget->installEventFilter(this); }
    int shown() const { return m_shown; }

protected:
    bool eventFilter(QObject*, QEvent* event) override {
        m_shown += event->type() == QEvent::Show;
        return false;
    }

private:
    int m_shown = 0;
};

// No file of this process may grow past this size.
class FullDisk {
public:
    explicit FullDisk(rlim_t bytes) {
        std::signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &m_before);
        rlimit limit = m_before;
        limit.rlim_cur = bytes;
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FullDisk() { free(); }
    void free() { setrlimit(RLIMIT_FSIZE, &m_before); }

private:
    rlimit m_before{};
};

} // namespace

class TestBanners : public QObject, private WindowDriver {
    Q_OBJECT

    QPushButton* action(int i) const {
        return m_window->findChild<QPushButton*>(QStringLiteral("bannerAction%1").arg(i));
    }
    // Into the test's folder.
    bool writeFile(const char* name, const char* content) const {
        QFile file(m_folder->filePath(QLatin1String(name)));
        return file.open(QIODevice::WriteOnly) &&
               file.write(content) == static_cast<qint64>(qstrlen(content));
    }
    bool banner(const char* words) const { return m_window->bannerText().contains(QLatin1String(words)); }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void sentencesAreThoseOfTheErrors() {
        for (const ErrorCode code : allErrorCodes()) {
            const Error error{code, {"a %2 file.png", "something", "9"}};
            QCOMPARE(errorText(error), QString::fromStdString(error.message()));
        }
        for (int kind = 0; kind <= static_cast<int>(ProjectNotice::Kind::StrokesTaken); ++kind) {
            const ProjectNotice notice{static_cast<ProjectNotice::Kind>(kind), 1, "x %1 y"};
            QCOMPARE(noticeText(notice), QString::fromStdString(notice.sentence()));
        }
    }

    void aFullDisk() {
        open(2, {640, 480});
        session().setUsesProposalFirst(false);
        const ImageId id = session().current();
        QVERIFY(session().waitUntilSaved(5000).waiting == 0);
        const LabelMap before = stored(id);
        {
            FullDisk full(4096);
            drag({{100, 100}, {300, 200}});
            QTRY_VERIFY2_WITH_TIMEOUT(banner("Edits are not being saved"), qPrintable(m_window->bannerText()),
                                      10000);
            QVERIFY(banner("disk is full") || banner("could not be written"));
            QVERIFY(banner("stay in memory"));
            shot(QStringLiteral("banner-full-disk"));
            // Editing goes on, with undo.
            drag({{100, 300}, {300, 300}});
            QCOMPARE(document()->history().undoCount(), std::size_t(2));
            key(Qt::Key_Z, Qt::ControlModifier);
            key(Qt::Key_Y, Qt::ControlModifier);
            QTest::mouseClick(action(0), Qt::LeftButton); // Try now: still full
            QVERIFY(banner("Edits are not being saved"));
            full.free();
            QTest::mouseClick(action(0), Qt::LeftButton);
            QTRY_VERIFY_WITH_TIMEOUT(!banner("Edits are not being saved"), 10000);
        }
        QVERIFY(stored(id) == document()->labels().toLabelMap());
        QVERIFY(stored(id) != before);
    }

    void aStaleSave() {
        open(2, {640, 480});
        session().setUsesProposalFirst(false);
        const ImageId id = session().current();
        drag({{100, 100}, {200, 100}});
        QVERIFY(session().waitUntilSaved(5000).waiting == 0);
        {
            // What another program's save leaves behind.
            QSqlDatabase other =
                QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("other"));
            other.setDatabaseName(QString::fromStdString(session().project()->filePath()));
            QVERIFY(other.open());
            QSqlQuery query(other);
            QVERIFY(query.exec(QStringLiteral("UPDATE annotations SET revision = revision + 1")));
            QCOMPARE(query.numRowsAffected(), 1);
        }
        QSqlDatabase::removeDatabase(QStringLiteral("other"));
        drag({{100, 200}, {200, 200}});
        const LabelMap mine = document()->labels().toLabelMap();
        QTRY_VERIFY2_WITH_TIMEOUT(banner("second version"), qPrintable(m_window->bannerText()), 10000);
        QVERIFY(banner("case-001"));
        shot(QStringLiteral("banner-stale-save"));
        QTest::mouseClick(action(0), Qt::LeftButton);
        auto* figures = m_window->findChild<QLabel*>(QStringLiteral("compareFigures"));
        QTRY_VERIFY(figures->isVisible() && figures->text().contains(QLatin1String("Dice")));
        QVERIFY(document()->labels().toLabelMap() == mine);
        // Both are there: one's own as version 1, the other as it was saved.
        QVERIFY(session().waitUntilSaved(5000).waiting == 0);
        bool second = false;
        session().project()->loadAnnotation(id, session().project()->currentPerson(), 1,
                                            [&](const Result<std::optional<LoadedAnnotation>>& loaded) {
                                                second = loaded && loaded->has_value() &&
                                                         (*loaded)->snapshot.labels.toLabelMap() == mine;
                                            });
        QTRY_VERIFY(second);
    }

    void aLostGraphicsCard() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 2, {320, 240});
        showWindow();
        m_window->setModels({{QStringLiteral("disc"), QString(), []() -> Result<std::unique_ptr<Engine>> {
                                  return std::unique_ptr<Engine>(std::make_unique<FallenBackEngine>());
                              }}});
        m_window->open({m_folder->path()});
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
        QTRY_VERIFY2(banner("Too little GPU memory"), qPrintable(m_window->bannerText()));
        QVERIFY(action(0) && action(0)->isVisible());
        QVERIFY(painted() == 0);
        key(Qt::Key_A);
        QTRY_COMPARE(session().project()->worklist().counts().byState[4], std::size_t(1));
    }

    void noModel() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 2, {320, 240});
        showWindow();
        m_window->setModels({});
        m_window->open({m_folder->path()});
        QTRY_VERIFY_WITH_TIMEOUT(session().ready() && session().painted(), 10000);
        QTRY_VERIFY2(banner("No model was found"), qPrintable(m_window->bannerText()));
        shot(QStringLiteral("banner-no-model"));
        drag({{100, 100}, {200, 100}});
        QVERIFY(painted() > 0);
        // One that comes later takes the banner away, and proposes.
        m_window->setModels({discModel(0)});
        QTRY_VERIFY(!banner("No model was found"));
        QTRY_VERIFY(document()->proposal());
    }

    void aModelThatDoesNotLoad() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 1, {320, 240});
        showWindow();
        m_window->setModels(
            {{QStringLiteral("bad"), QString(), []() -> Result<std::unique_ptr<Engine>> {
                  return Error{ErrorCode::CheckpointInvalid, {"bad.safetensors", "it is cut off"}};
              }}});
        m_window->open({m_folder->path()});
        QTRY_VERIFY2(banner("bad.safetensors cannot be used as a model"), qPrintable(m_window->bannerText()));
        QTRY_VERIFY(session().ready());
        session().setUsesProposalFirst(false);
        drag({{100, 100}, {200, 100}});
        QVERIFY(painted() > 0);
    }

    void aBrokenFileIsNamed() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 3, {320, 240});
        QVERIFY(writeFile("case-009.png", "\x89PNG\r\n\x1a\n no more"));
        openFolder();
        QTRY_VERIFY2(m_window->bannerText().startsWith(QLatin1String("case-009.png")),
                     qPrintable(m_window->bannerText()));
        QVERIFY2(banner("The other 3 are fine."), qPrintable(m_window->bannerText()));
        QCOMPARE(action(0)->text(), QStringLiteral("Show file"));
        shot(QStringLiteral("banner-broken-file"));
    }

    void brokenFilesAreCountedAndListed() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 2, {320, 240});
        QVERIFY(writeFile("case-008.png", "\x89PNG\r\n\x1a\n no more"));
        QVERIFY(writeFile("case-009.png", "\x89PNG\r\n\x1a\n no more"));
        openFolder();
        QTRY_VERIFY2(banner("could not be read as images. The others are fine."),
                     qPrintable(m_window->bannerText()));
        QTest::mouseClick(action(0), Qt::LeftButton);
        auto* list = m_window->findChild<QMessageBox*>();
        QVERIFY(list && list->isVisible());
        QVERIFY2(list->detailedText().contains(QLatin1String("case-009.png")),
                 qPrintable(list->detailedText()));
        list->close();
        session().setUsesProposalFirst(false);
        drag({{100, 100}, {200, 100}});
        QVERIFY(painted() > 0);
    }

    void aFolderWithoutImagesSaysSo() {
        m_folder = std::make_unique<QTemporaryDir>();
        QVERIFY(writeFile("photo.jpg", "no photograph"));
        showWindow();
        m_window->setModels({discModel(0)});
        m_window->open({m_folder->path()});
        auto* button = m_window->findChild<QPushButton*>(QStringLiteral("openAnotherFolder"));
        auto* why = m_window->findChild<QLabel*>(QStringLiteral("errorText"));
        QTRY_VERIFY_WITH_TIMEOUT(session().hasProject() && !session().project()->isScanning(), 10000);
        QTRY_VERIFY2(why->text().contains(QLatin1String("photo.jpg")), qPrintable(why->text()));
        // And goes on saying it when nothing happens any more.
        QTest::qWait(300);
        QVERIFY(button->isVisible());
        QVERIFY2(why->text().contains(m_folder->path()), qPrintable(why->text()));
        shot(QStringLiteral("empty-folder"));
    }

    // While the files of a new folder are being looked for, nothing says that there are none.
    void aFolderIsNotCalledEmptyBeforeItWasLookedThrough() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 2, {320, 240});
        showWindow();
        m_window->setModels({discModel(0)});
        ShowCounter calledEmpty(m_window->findChild<QPushButton*>(QStringLiteral("openAnotherFolder")));
        m_window->open({m_folder->path()});
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
        QCOMPARE(calledEmpty.shown(), 0);
    }

    // One of several files that cannot be read is no empty folder: it can be passed, shown and rejected.
    void aBrokenFileBesideGoodOnesIsPassed() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 1, {320, 240});
        QVERIFY(writeFile("a-first.jpg", "no photograph"));
        showWindow();
        m_window->setModels({discModel(0)});
        m_window->open({m_folder->path()});
        QTRY_VERIFY_WITH_TIMEOUT(session().imageError().has_value(), 10000);
        QTRY_VERIFY(!session().project()->isScanning());
        QTest::qWait(300);
        QVERIFY(!m_window->findChild<QPushButton*>(QStringLiteral("openAnotherFolder"))->isVisible());
        key(Qt::Key_Right);
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
    }

    void theDemoIsOneClickAway() {
        showWindow();
        m_window->setModels({discModel(0)});
        auto* demo = m_window->findChild<QPushButton*>(QStringLiteral("startDemo"));
        QVERIFY(demo && demo->isVisible());
        QSignalSpy command(m_window->commands().action(QStringLiteral("openDemo")), &QAction::triggered);
        QTest::mouseClick(demo, Qt::LeftButton);
        QCOMPARE(command.count(), 1); // menu and button are one command
        QTRY_VERIFY_WITH_TIMEOUT(m_window->session().hasProject() && decidable(), 20000);
        QVERIFY(session().list().size() >= 10);
        // The demo images of the source tree are not written to.
        QVERIFY(!QString::fromStdString(session().project()->imageFolder())
                     .startsWith(QLatin1String(LIMN_SOURCE_DIR)));
        // Recent: gone missing, it offers to locate; the list of the start page shows it.
        closeWindow();
        showWindow();
        m_window->setModels({});
        QVERIFY(!QSettings().value(QStringLiteral("recent")).toStringList().isEmpty());
    }

    void allDoneOffersTheExport() {
        open(2, {320, 240});
        key(Qt::Key_A);
        QTRY_VERIFY(decidable() && session().currentRow() == 1);
        key(Qt::Key_A);
        QTRY_VERIFY2(banner("All images are decided"), qPrintable(m_window->bannerText()));
        QVERIFY(action(0)->text().contains(QLatin1Char('2')));
        QTest::mouseClick(action(0), Qt::LeftButton);
        auto* dialog = m_window->findChild<QDialog*>(QStringLiteral("exportDialog"));
        QVERIFY(dialog && dialog->isVisible());
        dialog->close();
    }

    // One at a time; the others are counted, and come when it is solved or closed. Signs follow the colours.
    void oneBannerAtATime() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 2, {320, 240});
        QVERIFY(writeFile("case-009.png", "\x89PNG\r\n\x1a\n no more"));
        showWindow();
        m_window->setModels({});
        m_window->open({m_folder->path()});
        auto* more = m_window->findChild<QLabel*>(QStringLiteral("bannerMore"));
        QTRY_COMPARE_WITH_TIMEOUT(more->text(), QStringLiteral("+1"), 10000);
        QVERIFY(more->isVisible());
        const auto colours = [this](const char* name) {
            const QImage sign =
                m_window->findChild<QLabel*>(QLatin1String(name))->pixmap(Qt::ReturnByValue).toImage();
            std::set<QRgb> found;
            for (int y = 0; y < sign.height(); ++y) {
                for (int x = 0; x < sign.width(); ++x) {
                    if (qAlpha(sign.pixel(x, y)) == 255)
                        found.insert(sign.pixel(x, y));
                }
            }
            return found;
        };
        for (const Theme::Mode mode : {Theme::Mode::Light, Theme::Mode::Dark}) {
            Theme::instance().setMode(mode);
            const QRgb warn = Theme::instance().color("warn").rgb();
            const QRgb accent = Theme::instance().color("accent").rgb();
            QVERIFY(colours("errorIcon").count(warn));
            QVERIFY(colours("bannerIcon").count(warn) || colours("bannerIcon").count(accent));
        }
        const QString first = m_window->bannerText();
        QTest::mouseClick(m_window->findChild<QToolButton*>(QStringLiteral("bannerClose")), Qt::LeftButton);
        QVERIFY(m_window->bannerText() != first && !m_window->bannerText().isEmpty());
        QVERIFY(!more->isVisible());
        Theme::instance().setMode(Theme::Mode::System);
    }

    // What was said stays while somebody reads it.
    void aToastWaitsForThePointer() {
        open(2, {320, 240});
        auto* toast = m_window->findChild<QWidget*>(QStringLiteral("toast"));
        key(Qt::Key_A);
        QTRY_VERIFY(toast->isVisible());
        QEnterEvent enter(QPointF(5, 5), QPointF(5, 5), toast->mapToGlobal(QPointF(5, 5)));
        QApplication::sendEvent(toast, &enter);
        QTest::qWait(6500);
        QVERIFY(toast->isVisible());
        QEvent leave(QEvent::Leave);
        QApplication::sendEvent(toast, &leave);
        QTRY_VERIFY_WITH_TIMEOUT(!toast->isVisible(), 8000);
    }

    void aLockedLabelIsUnlockedByTheRemark() {
        open(1, {320, 240});
        session().setUsesProposalFirst(false);
        Label label = document()->labelTable().front();
        label.locked = true;
        QVERIFY(document()->setLabel(label).ok());
        drag({{100, 100}, {150, 100}});
        auto* remark = m_window->findChild<QLabel*>(QStringLiteral("messageLabel"));
        QVERIFY2(remark->text().startsWith(QLatin1String("No effect: Lesion is locked.")),
                 qPrintable(remark->text()));
        Q_EMIT remark->linkActivated(QStringLiteral("unlock"));
        QVERIFY(!document()->isLocked(label.value));
        drag({{100, 100}, {150, 100}});
        QVERIFY(painted() > 0);
    }

    void bannersGoWithTheirProject() {
        open(1, {320, 240});
        key(Qt::Key_A);
        QTRY_VERIFY2(banner("All images are decided"), qPrintable(m_window->bannerText()));
        trigger("closeProject");
        QTRY_VERIFY(!session().hasProject());
        QCOMPARE(m_window->bannerText(), QString());
    }
};

LIMN_GUI_TEST_MAIN(TestBanners)
#include "tst_banners.moc"
