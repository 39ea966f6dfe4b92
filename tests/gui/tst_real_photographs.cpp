// SPDX-License-Identifier: GPL-3.0-or-later
// A sitting on real photographs from beginning to end: the folder is opened in the window, the shipped
// weights propose, two outlines are corrected by brush and lasso, one image is rejected, the others are
// accepted, the masks are exported and compared with what was drawn. Skipped where the photographs are
// missing. They are copied first: the folder they come from is not written to. Pictures of every stage lie in
// the build folder.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "io/images/mask_files.h"
#include "ui/canvas/canvas_view.h"
#include "ui/session/model_choices.h"
#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QDir>
#include <QLineEdit>
#include <QPushButton>
#include <QTest>

#include <algorithm>
#include <map>

using namespace limn;

namespace {

// The row's leftmost and rightmost pixel of label 1.
std::pair<int, int> extentInRow(const TileMap& labels, int y) {
    int first = -1, last = -1;
    for (int x = 0; x < labels.size().width; ++x) {
        if (labels.at(x, y) == 1) {
            first = first < 0 ? x : first;
            last = x;
        }
    }
    return {first, last};
}

} // namespace

class TestRealPhotographs : public QObject, private WindowDriver {
    Q_OBJECT

    // Inside the proposal, at the height of its centre of mass.
    QPoint middleOfProposal() const {
        const Proposal& p = *document()->proposal();
        double sx = 0, sy = 0, n = 0;
        for (int y = 0; y < p.probability.size.height; y += 4) {
            for (int x = 0; x < p.probability.size.width; x += 4) {
                if (p.probability.values[static_cast<std::size_t>(y) * p.probability.size.width + x] >=
                    32768) {
                    sx += x;
                    sy += y;
                    ++n;
                }
            }
        }
        return n > 0 ? QPoint(static_cast<int>(sx / n), static_cast<int>(sy / n)) : QPoint(-1, -1);
    }
    double proposedShare() const {
        const Proposal& p = *document()->proposal();
        const auto inside = std::count_if(p.probability.values.begin(), p.probability.values.end(),
                                          [](std::uint16_t v) { return v >= 32768; });
        return static_cast<double>(inside) / static_cast<double>(p.probability.values.size());
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    // What the README shows: drawn images and the shipped weights.
    void theDemoImages() {
        std::vector<ModelChoice> models = findModelChoices(QStringLiteral("cpu"));
        const auto shipped = std::find_if(models.begin(), models.end(), [](const ModelChoice& m) {
            return m.name == QLatin1String("dermoscopy");
        });
        QVERIFY(shipped != models.end());
        m_folder = std::make_unique<QTemporaryDir>();
        const QDir demo(QStringLiteral(LIMN_SOURCE_DIR "/resources/demo"));
        QVERIFY(QDir(m_folder->path()).mkdir(QStringLiteral("demo")));
        const QString folder = m_folder->filePath(QStringLiteral("demo"));
        for (const QString& name : demo.entryList({QStringLiteral("derm_*.jpg")}, QDir::Files))
            QVERIFY(QFile::copy(demo.filePath(name), folder + QLatin1Char('/') + name));
        Theme::instance().setMode(Theme::Mode::Dark);
        showWindow();
        m_window->setModels({*shipped});
        m_window->open({folder});
        QTRY_VERIFY_WITH_TIMEOUT(session().hasProject() && decidable(), 60000);
        const std::vector<ImageId> list = session().list();
        QVERIFY(list.size() >= 4);
        for (std::size_t i = 0; i < list.size(); ++i) {
            session().show(list[i]);
            QTRY_VERIFY_WITH_TIMEOUT(session().current() == list[i] && decidable(), 60000);
            QVERIFY(proposedShare() > 0.005);
            if (i < 2) {
                key(Qt::Key_A);
                QTRY_COMPARE(session().record(list[i])->state, ReviewState::Accepted);
            }
        }
        session().show(list[2]);
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 60000);
        QTest::qWait(7000); // the last decision's remark passes
        shot(QStringLiteral("demo"));
    }

    void aSittingFromFolderToMasks() {
        const QDir photographs(sharedFolder() + QStringLiteral("/data/fullres-samples"));
        const QStringList names = photographs.entryList({QStringLiteral("*.jpg")}, QDir::Files, QDir::Name);
        if (names.size() < 4)
            QSKIP("No photographs at ../shared/data/fullres-samples: nothing to look at.");
        std::vector<ModelChoice> models = findModelChoices(QStringLiteral("cpu"));
        const auto shipped = std::find_if(models.begin(), models.end(), [](const ModelChoice& m) {
            return m.name == QLatin1String("dermoscopy");
        });
        QVERIFY2(shipped != models.end(), "the shipped weights \"dermoscopy\" were not found");
        m_folder = std::make_unique<QTemporaryDir>();
        for (const QString& name : names)
            QVERIFY(QFile::copy(photographs.filePath(name), m_folder->filePath(name)));

        showWindow();
        m_window->setModels({*shipped});
        m_window->open({m_folder->path()});
        QTRY_COMPARE_WITH_TIMEOUT(session().list().size(), static_cast<std::size_t>(names.size()), 20000);
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 60000);
        session().setUsesProposalFirst(true);
        canvas()->setFocus();

        const std::vector<ImageId> list = session().list();
        std::map<ImageId, LabelMap> drawn;
        QPoint brushed, lassoed, erased;
        for (std::size_t i = 0; i < list.size(); ++i) {
            QTRY_COMPARE_WITH_TIMEOUT(session().current(), list[i], 10000);
            QTRY_VERIFY_WITH_TIMEOUT(decidable(), 60000);
            const double share = proposedShare();
            QVERIFY2(share > 0.005 && share < 0.9,
                     qPrintable(QStringLiteral("%1: the proposal covers %2 of the image")
                                    .arg(QString::fromStdString(session().currentRecord()->path))
                                    .arg(share)));
            QTest::qWait(150);
            shot(QStringLiteral("real-%1-proposal").arg(i + 1));
            const QPoint middle = middleOfProposal();
            if (i == 0) {
                // The brush widens the outline to the right, and Ctrl takes a bite at the left.
                key(Qt::Key_B);
                m_window->toolSettings().brushPx = document()->size().width * 0.04;
                const int y = middle.y();
                drag({QPointF(middle), QPointF(middle.x() + 10, y)});
                const auto [left, right] = extentInRow(document()->labels(), y);
                QVERIFY(left >= 0 && right > left);
                brushed = QPoint(std::min(right + 10, document()->size().width - 2), y);
                QCOMPARE(document()->labels().at(brushed.x(), brushed.y()), std::uint8_t(0));
                drag({QPointF(right - 20, y), QPointF(brushed)});
                QCOMPARE(document()->labels().at(brushed.x(), brushed.y()), std::uint8_t(1));
                erased = QPoint(left + 5, y);
                drag({QPointF(left - 5, y), QPointF(left + 10, y)}, Qt::ControlModifier);
                QCOMPARE(document()->labels().at(erased.x(), erased.y()), std::uint8_t(0));
                shot(QStringLiteral("real-brush"));
            } else if (i == 1) {
                key(Qt::Key_L);
                const double w = document()->size().width, h = document()->size().height;
                lassoed = QPoint(static_cast<int>(w * 0.06), static_cast<int>(h * 0.10));
                drag(
                    {{w * 0.03, h * 0.05}, {w * 0.10, h * 0.05}, {w * 0.10, h * 0.15}, {w * 0.03, h * 0.15}});
                QCOMPARE(document()->labels().at(lassoed.x(), lassoed.y()), std::uint8_t(1));
                shot(QStringLiteral("real-lasso"));
            }
            if (i == 2) {
                key(Qt::Key_X);
                QTRY_VERIFY(QApplication::focusWidget() &&
                            QApplication::focusWidget()->objectName() == QLatin1String("rejectReasons"));
                shot(QStringLiteral("real-reject"));
                key(Qt::Key_4);
                key(Qt::Key_Return);
                continue;
            }
            AnnotationDocument* before = document();
            key(Qt::Key_A);
            QTRY_COMPARE(session().record(list[i])->state, ReviewState::Accepted);
            if (i + 1 == list.size())
                drawn[list[i]] = before->labels().toLabelMap();
        }
        QCOMPARE(session().record(list[2])->state, ReviewState::Rejected);
        QVERIFY(!session().record(list[2])->reason.empty());
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (i != 2)
                drawn[list[i]] = stored(list[i]);
        }
        shot(QStringLiteral("real-decided"));
        key(Qt::Key_G);
        QTest::qWait(600);
        shot(QStringLiteral("real-grid"));
        key(Qt::Key_G);

        const QString target = m_folder->filePath(QStringLiteral("masks"));
        key(Qt::Key_E, Qt::ControlModifier);
        auto* dialog = m_window->findChild<QWidget*>(QStringLiteral("exportDialog"));
        QVERIFY(dialog && dialog->isVisible());
        dialog->findChild<QLineEdit*>(QStringLiteral("exportFolder"))->setText(target);
        QTest::mouseClick(dialog->findChild<QPushButton*>(QStringLiteral("exportStart")), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(dialog->findChild<QWidget*>(QStringLiteral("exportReport"))->isVisible(),
                                 60000);
        keepScreenshot(dialog->grab().toImage(), QStringLiteral("real-export"));
        dialog->close();

        for (std::size_t i = 0; i < list.size(); ++i) {
            const ImageRecord* record = session().record(list[i]);
            const QString stem = QFileInfo(QString::fromStdString(record->path)).completeBaseName();
            const QString file = QStringLiteral("%1/%2_mask.png").arg(target, stem);
            if (i == 2) {
                QVERIFY2(!QFile::exists(file), "a rejected image was exported");
                continue;
            }
            const QImage mask(file);
            QVERIFY2(!mask.isNull(), qPrintable(file));
            QCOMPARE(mask.size(), QSize(record->size.width, record->size.height));
            QVERIFY(mask.isGrayscale());
            const LabelMap& expected = drawn[list[i]];
            QCOMPARE(expected.size, record->size);
            const QImage grey = mask.convertToFormat(QImage::Format_Grayscale8);
            std::size_t other = 0;
            for (int y = 0; y < grey.height(); ++y) {
                const uchar* row = grey.constScanLine(y);
                const std::uint8_t* label =
                    expected.labels.data() + static_cast<std::size_t>(y) * expected.size.width;
                for (int x = 0; x < grey.width(); ++x)
                    other += row[x] != (label[x] != 0 ? 255 : 0);
            }
            QCOMPARE(other, std::size_t(0));
            if (i == 0) {
                QCOMPARE(qGray(mask.pixel(brushed)), 255);
                QCOMPARE(qGray(mask.pixel(erased)), 0);
            }
            if (i == 1)
                QCOMPARE(qGray(mask.pixel(lassoed)), 255);
        }

        // The looks at both sizes and in both themes.
        session().show(list[0]);
        QTRY_VERIFY_WITH_TIMEOUT(decidable(), 20000);
        for (const QSize size : {QSize(1280, 800), QSize(1920, 1200)}) {
            m_window->resize(size);
            for (const Theme::Mode mode : {Theme::Mode::Dark, Theme::Mode::Light}) {
                Theme::instance().setMode(mode);
                QTest::qWait(250);
                shot(QStringLiteral("real-%1-%2")
                         .arg(mode == Theme::Mode::Dark ? QStringLiteral("dark") : QStringLiteral("light"))
                         .arg(size.width()));
            }
        }
    }
};

LIMN_GUI_TEST_MAIN(TestRealPhotographs)
#include "tst_real_photographs.moc"
