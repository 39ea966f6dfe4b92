// SPDX-License-Identifier: GPL-3.0-or-later
// A long sitting: open, proposal, three strokes, undo, accept, next; at the end every part of the window
// still answers, nothing was left behind, and memory stays flat. 20 images in the usual run;
// LIMN_SOAK_IMAGES=300 for the long one, which holds the memory to 5 % above what it was after the first 50.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_fixture.h"

#include "ui/theme/application_setup.h"

#include <QFile>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QSlider>
#include <QToolButton>

#include <cstdio>

#include <malloc.h>

using namespace limn;

namespace {

// Resident memory as the system counts it, after free memory was given back, and what is in use of it.
struct Memory {
    double all = 0;
    double own = 0;   // anonymous pages: heap, stacks, pixels
    double files = 0; // pages of libraries and of the project's file
    double inUse = 0; // handed out by the allocator

    static Memory now() {
        malloc_trim(0);
        Memory memory;
        QFile file(QStringLiteral("/proc/self/status"));
        if (!file.open(QIODevice::ReadOnly))
            return memory;
        for (const QByteArray& line : file.readAll().split('\n')) {
            const auto value = [&](const char* name, double& to) {
                if (line.startsWith(name))
                    to = line.mid(line.indexOf(':') + 1).trimmed().split(' ').first().toDouble() / 1e3;
            };
            value("VmRSS:", memory.all);
            value("RssAnon:", memory.own);
            value("RssFile:", memory.files);
        }
        const struct mallinfo2 info = mallinfo2();
        memory.inUse = static_cast<double>(info.uordblks + info.hblkhd) / 1e6;
        return memory;
    }
    void print(int image) const {
        std::printf("soak: image %d: %.1f MB resident, %.1f own, %.1f of files, %.1f in use\n", image, all,
                    own, files, inUse);
        std::fflush(stdout);
    }
};

} // namespace

class TestSoak : public QObject {
    Q_OBJECT

    QTemporaryDir m_folder;
    WindowFixture m;

public:
    // The long run takes longer than Qt Test lets a function run.
    TestSoak() { qputenv("QTEST_FUNCTION_TIMEOUT", "3600000"); }

private Q_SLOTS:
    void cleanup() { m.close(); }

    void aLongSitting() {
        const int asked = qEnvironmentVariableIntValue("LIMN_SOAK_IMAGES");
        const int images = asked > 0 ? asked : 20;
        const int warm = std::min(50, images / 2);
        const Size size{480, 360};
        for (int i = 0; i < images; ++i) {
            // Each its own content, so that nothing is found by a hash.
            const DrawnImage drawn =
                drawImage(DrawnKind::Dermoscopy, size, static_cast<std::uint64_t>(i % 8));
            std::vector<std::uint8_t> rgb = drawn.image.rgb;
            rgb[0] = static_cast<std::uint8_t>(i);
            rgb[1] = static_cast<std::uint8_t>(i >> 8);
            const QImage image(rgb.data(), size.width, size.height, size.width * 3, QImage::Format_RGB888);
            QVERIFY(
                image.save(m_folder.filePath(QStringLiteral("case-%1.png").arg(i, 4, 10, QLatin1Char('0')))));
        }
        m.show({WindowFixture::fakeModel(0)});
        m.openFolder(m_folder.path());
        m.session().setUsesProposalFirst(false);
        QTRY_COMPARE_WITH_TIMEOUT(m.session().list().size(), static_cast<std::size_t>(images), 60000);
        m.window().toolSettings().brushPx = 30;

        double early = 0, most = 0;
        qsizetype widgets = 0;
        for (int i = 0; i < images; ++i) {
            QTRY_VERIFY_WITH_TIMEOUT(m.painted(), 20000);
            for (int stroke = 0; stroke < 3; ++stroke) {
                const double y = 80 + 80 * stroke;
                m.stroke({m.at(60, y), m.at(200, y + 20), m.at(400, y)});
            }
            QCOMPARE(m.document()->history().undoCount(), std::size_t(3));
            // Nothing that is pressed may go to another window.
            QVERIFY2(m.window().isActiveWindow(), "another program's window took the keys of this display");
            m.key(Qt::Key_Z, Qt::ControlModifier);
            QCOMPARE(m.document()->history().undoCount(), std::size_t(2));
            const ImageId id = m.session().current();
            m.key(Qt::Key_A);
            QTRY_VERIFY2_WITH_TIMEOUT(m.session().record(id)->state == ReviewState::Accepted,
                                      qPrintable(QStringLiteral("image %1: state %2, \"%3\"")
                                                     .arg(i)
                                                     .arg(static_cast<int>(m.session().record(id)->state))
                                                     .arg(m.window().statusText())),
                                      5000);
            const bool looks = i + 1 == warm || (i + 1) % 25 == 0;
            if (looks) {
                // What is on its way, such as neighbours being read and pages being written, comes to rest
                // first.
                QVERIFY(m.session().waitUntilSaved(20000).waiting == 0);
                QTest::qWait(400);
            }
            if (i + 1 == warm) {
                early = Memory::now().all;
                widgets = QApplication::allWidgets().size();
            }
            if ((i + 1) % 25 == 0) {
                const Memory memory = Memory::now();
                memory.print(i + 1);
                if (i + 1 > warm)
                    most = std::max(most, memory.all);
            }
        }
        const double late = Memory::now().all;
        std::printf(
            "soak: %d images; %.0f MB after %d, at most %.0f MB later, %.0f MB at the end (%+.1f %%)\n",
            images, early, warm, std::max(most, late), late, 100 * (late / early - 1));
        if (images >= 200)
            QVERIFY2(std::max(most, late) <= early * 1.05,
                     qPrintable(QStringLiteral("%1 MB to %2 MB").arg(early).arg(std::max(most, late))));
        QVERIFY(m.session().waitUntilSaved(20000).waiting == 0);
        QCOMPARE(m.session().project()->worklist().counts().byState[4], static_cast<std::size_t>(images));
        // The history's lines come and go; nothing else may gather.
        QTest::qWait(400);
        const qsizetype now = QApplication::allWidgets().size();
        QVERIFY2(now <= widgets + 30,
                 qPrintable(QStringLiteral("%1 widgets, then %2").arg(widgets).arg(now)));
        everythingStillAnswers(images);
    }

private:
    void everythingStillAnswers(int images) {
        MainWindow& window = m.window();
        for (const auto& [id, tool] : std::initializer_list<std::pair<const char*, ToolId>>{
                 {"eraser", ToolId::Eraser}, {"lasso", ToolId::Lasso}, {"brush", ToolId::Brush}}) {
            QToolButton* button = nullptr;
            for (QToolButton* one : window.findChildren<QToolButton*>()) {
                if (one->defaultAction() == window.commands().action(QLatin1String(id)))
                    button = one;
            }
            QVERIFY2(button && button->isVisible() && button->isEnabled(), id);
            QTest::mouseClick(button, Qt::LeftButton);
            QVERIFY2(window.tool() == tool, id);
        }
        auto* search = window.findChild<QLineEdit*>(QStringLiteral("worklistSearch"));
        search->setFocus();
        QTest::keyClicks(search, QStringLiteral("0003"));
        QTRY_COMPARE(m.session().list().size(), std::size_t(1));
        search->clear();
        QTRY_COMPARE(m.session().list().size(), static_cast<std::size_t>(images));
        auto* todo = window.findChild<QPushButton*>(QStringLiteral("chipTodo"));
        QTest::mouseClick(todo, Qt::LeftButton);
        QTRY_COMPARE(m.session().list().size(), std::size_t(0));
        QTest::mouseClick(window.findChild<QPushButton*>(QStringLiteral("chipAll")), Qt::LeftButton);
        QTRY_COMPARE(m.session().list().size(), static_cast<std::size_t>(images));
        auto* list = window.findChild<QListView*>(QStringLiteral("worklist"));
        list->scrollTo(list->model()->index(1, 0));
        QTest::mouseClick(list->viewport(), Qt::LeftButton, {},
                          list->visualRect(list->model()->index(1, 0)).center());
        QTRY_VERIFY_WITH_TIMEOUT(m.session().current() == m.session().list()[1] && m.painted(), 10000);
        auto* slider = window.findChild<QSlider*>(QStringLiteral("threshold"));
        slider->setFocus();
        QTest::keyClick(slider, Qt::Key_PageUp);
        QTRY_VERIFY(m.document()->threshold() > 0.55f);
        m.canvas()->setFocus();
        m.key(Qt::Key_G);
        QTRY_VERIFY(window.findChild<QListView*>(QStringLiteral("grid"))->isVisible());
        m.key(Qt::Key_G);
        QTRY_VERIFY(m.canvas()->isVisible());
        m.canvas()->setFocus();
        m.stroke({m.at(60, 300), m.at(200, 300)});
        QTRY_VERIFY(m.document()->history().canUndo());
    }
};

LIMN_GUI_TEST_MAIN(TestSoak)
#include "tst_soak.moc"
