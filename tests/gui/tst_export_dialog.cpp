// SPDX-License-Identifier: GPL-3.0-or-later
// The export dialog in the real window: what it says beforehand is what comes, the copied command gives the
// same bytes, existing files are replaced, skipped or left alone, what could not be written is listed and
// tried again, and a cancelled export leaves no half file.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "io/images/mask_files.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/theme/application_setup.h"

#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QDirIterator>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QProcess>
#include <QPushButton>
#include <QSettings>
#include <QSpinBox>
#include <QTest>
#include <QTreeWidget>

#include <map>

using namespace limn;

class TestExportDialog : public QObject, private WindowDriver {
    Q_OBJECT

    ExportDialog* m_dialog = nullptr;

    template<class T>
    T* part(const char* name) const {
        return m_dialog->findChild<T*>(QLatin1String(name));
    }
    void annotate(int images) {
        open(images, {320, 240});
        session().setUsesProposalFirst(false);
        for (int i = 0; i < images - 1; ++i) {
            QTRY_VERIFY_WITH_TIMEOUT(decidable(), 10000);
            drag({{60.0 + i, 60}, {160, 100}});
            key(Qt::Key_A);
        }
        QTRY_COMPARE(session().project()->worklist().counts().byState[4], std::size_t(images - 1));
    }
    void openDialog(const QString& folder) {
        delete m_dialog;
        m_dialog = nullptr;
        trigger("export");
        m_dialog = m_window->findChild<ExportDialog*>(QStringLiteral("exportDialog"));
        QVERIFY(m_dialog && m_dialog->isVisible());
        part<QLineEdit>("exportFolder")->setText(m_folder->filePath(folder));
    }
    void choose(const char* box, int index) { part<QComboBox>(box)->setCurrentIndex(index); }
    void run() {
        QTest::mouseClick(part<QPushButton>("exportStart"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(part<QTreeWidget>("exportReport")->isVisible(), 20000);
    }
    QString summary() const { return part<QLabel>("exportSummary")->text(); }
    // Every file below a folder, the report left out: it has times in it.
    std::map<QString, QByteArray> filesIn(const QString& folder) const {
        std::map<QString, QByteArray> files;
        const QDir base(m_folder->filePath(folder));
        QDirIterator it(base.path(), QDir::Files, QDirIterator::Subdirectories);
        while (it.hasNext()) {
            QFile file(it.next());
            const QString name = base.relativeFilePath(file.fileName());
            if (!name.startsWith(QLatin1String("export_report")) && file.open(QIODevice::ReadOnly))
                files[name] = file.readAll();
        }
        return files;
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() {
        delete m_dialog;
        m_dialog = nullptr;
        endTest();
    }

    void theCopiedCommandGivesTheSameBytes() {
        annotate(4);
        // A model has a share in one of them.
        const ImageId second = session().list()[1];
        session().show(second);
        QTRY_VERIFY(session().current() == second && decidable());
        key(Qt::Key_U);
        key(Qt::Key_Return);
        key(Qt::Key_A);
        QTRY_COMPARE(session().record(second)->state, ReviewState::Accepted);
        openDialog(QStringLiteral("one"));
        for (const char* format : {"exportFormat-coco", "exportFormat-labelme", "exportFormat-overlays"})
            part<QCheckBox>(format)->setChecked(true);
        const QString plan = part<QLabel>("exportPlan")->text();
        QVERIFY2(plan.contains(QLatin1String("3 images")) &&
                     plan.contains(QLatin1String("1 not accepted left out")),
                 qPrintable(plan));
        keepScreenshot(m_dialog->grab().toImage(), QStringLiteral("export-form"));
        QTest::mouseClick(part<QPushButton>("exportCopy"), Qt::LeftButton);
        QString command = QGuiApplication::clipboard()->text();
        QVERIFY2(command.startsWith(QLatin1String("limn-cli project export ")), qPrintable(command));
        run();
        QVERIFY2(summary().startsWith(QLatin1String("3 written")), qPrintable(summary()));
        keepScreenshot(m_dialog->grab().toImage(), QStringLiteral("export-report"));
        QCOMPARE(part<QLabel>("exportWhere")->text(), m_folder->filePath(QStringLiteral("one")));
        // As in the report's file: what the model was, at which threshold, and whence the millimetres.
        auto* report = part<QTreeWidget>("exportReport");
        QCOMPARE(report->columnCount(), 7);
        QFile csv(m_folder->filePath(QStringLiteral("one/export_report.csv")));
        QVERIFY(csv.open(QIODevice::ReadOnly));
        const QStringList lines =
            QString::fromUtf8(csv.readAll()).split(QLatin1Char('\n'), Qt::SkipEmptyParts);
        QCOMPARE(lines.size(), 1 + report->topLevelItemCount());
        for (int i = 0; i < report->topLevelItemCount(); ++i) {
            const QStringList columns = lines[i + 1].trimmed().split(QLatin1Char(','));
            const QTreeWidgetItem* row = report->topLevelItem(i);
            QCOMPARE(row->text(0), columns[0]);
            QCOMPARE(row->text(4), columns[5].left(8));
            QCOMPARE(row->text(4).isEmpty(), i != 1);
            QCOMPARE(row->toolTip(4), columns[5]);
            QCOMPARE(row->text(5).toDouble(), columns[6].toDouble());
            QCOMPARE(row->text(5).isEmpty(), i != 1); // of the one that a proposal was used for
            QCOMPARE(row->text(6), columns[7]);
        }
        const auto files = filesIn(QStringLiteral("one"));
        QVERIFY(files.count(QStringLiteral("case-001_mask.png")) &&
                files.count(QStringLiteral("coco.json")) && files.count(QStringLiteral("case-002.json")) &&
                files.count(QStringLiteral("annotations.csv")) &&
                files.count(QStringLiteral("case-003_overlay.jpg")));
        QVERIFY(!files.count(QStringLiteral("case-004_mask.png")));
        const auto mask = readMask(m_folder->filePath(QStringLiteral("one/case-001_mask.png")).toStdString());
        QVERIFY(mask.ok());
        const LabelMap drawn = stored(session().list().front());
        QVERIFY(drawn == *mask);
        // The window lets go of the project, and the shell runs the command.
        const QString program = QStringLiteral(LIMN_CLI);
        delete m_dialog;
        m_dialog = nullptr;
        closeWindow();
        const QString folder = m_folder->filePath(QStringLiteral("one"));
        QVERIFY(QDir().rename(folder, m_folder->filePath(QStringLiteral("window"))));
        command.replace(0, 8, QLatin1Char('\'') + program + QLatin1Char('\''));
        QProcess shell;
        shell.start(QStringLiteral("/bin/sh"), {QStringLiteral("-c"), command});
        QVERIFY(shell.waitForFinished(60000));
        QVERIFY2(shell.exitCode() == 0, shell.readAllStandardError().constData());
        const auto again = filesIn(QStringLiteral("one"));
        QCOMPARE(again.size(), files.size());
        for (const auto& [name, bytes] : files)
            QVERIFY2(again.count(name) && again.at(name) == bytes, qPrintable(name));
    }

    // Whatever is chosen in the dialog, the copied command writes it: each choice of options into a folder of
    // its own, by the window and then by the shell.
    void everyOptionIsInTheCopiedCommand() {
        const QString program = QStringLiteral(LIMN_CLI);
        annotate(5);
        std::vector<std::pair<QString, QString>> commands; // folder, command
        const auto formats = [this](const QStringList& wanted) {
            for (QCheckBox* box : m_dialog->findChildren<QCheckBox*>()) {
                if (box->objectName().startsWith(QLatin1String("exportFormat-")))
                    box->setChecked(wanted.contains(box->objectName().mid(13)));
            }
        };
        const auto exported = [&](const QString& folder) {
            QTest::mouseClick(part<QPushButton>("exportCopy"), Qt::LeftButton);
            commands.emplace_back(folder, QGuiApplication::clipboard()->text());
            run();
            QVERIFY2(!filesIn(folder).empty(), qPrintable(folder));
            QTest::mouseClick(part<QPushButton>("exportBack"), Qt::LeftButton);
        };
        openDialog(QStringLiteral("it's small, isic"));
        formats({QStringLiteral("masks"), QStringLiteral("yolo"), QStringLiteral("images"),
                 QStringLiteral("probability"), QStringLiteral("table")});
        choose("exportNames", 1);
        part<QSpinBox>("exportLongestSide")->setValue(160);
        part<QCheckBox>("exportWithoutPeople")->setChecked(true);
        exported(QStringLiteral("it's small, isic"));

        part<QLineEdit>("exportFolder")->setText(m_folder->filePath(QStringLiteral("folders")));
        formats({QStringLiteral("masks"), QStringLiteral("labels"), QStringLiteral("coco"),
                 QStringLiteral("labelme"), QStringLiteral("overlays"), QStringLiteral("probability"),
                 QStringLiteral("table")});
        choose("exportNames", 2);
        choose("exportWhich", part<QComboBox>("exportWhich")->count() - 1); // every image
        choose("exportPerson", part<QComboBox>("exportPerson")->count() - 1);
        QCOMPARE(part<QComboBox>("exportPerson")->currentText(), QStringLiteral("Ana"));
        part<QSpinBox>("exportLongestSide")->setValue(0);
        part<QCheckBox>("exportWithoutPeople")->setChecked(false);
        part<QCheckBox>("exportWholeLabels")->setChecked(true);
        exported(QStringLiteral("folders"));

        // What is listed now, with a name that the dialog's filter leaves.
        m_window->findChild<QLineEdit*>(QStringLiteral("worklistSearch"))->setText(QStringLiteral("00"));
        QTRY_COMPARE(session().list().size(), std::size_t(5));
        m_window->findChild<QLineEdit*>(QStringLiteral("worklistSearch"))
            ->setText(QStringLiteral("case-003"));
        QTRY_COMPARE(session().list().size(), std::size_t(1));
        openDialog(QStringLiteral("listed"));
        const int listed =
            part<QComboBox>("exportWhich")->findText(QStringLiteral("listed"), Qt::MatchContains);
        QVERIFY(listed >= 0);
        choose("exportWhich", listed);
        exported(QStringLiteral("listed"));
        QCOMPARE(filesIn(QStringLiteral("listed")).count(QStringLiteral("masks/case-003.png")),
                 std::size_t(1));
        QCOMPARE(filesIn(QStringLiteral("listed")).count(QStringLiteral("masks/case-001.png")),
                 std::size_t(0));
        // An empty list is not everything.
        m_window->findChild<QLineEdit*>(QStringLiteral("worklistSearch"))->setText(QStringLiteral("no such"));
        QTRY_COMPARE(session().list().size(), std::size_t(0));
        openDialog(QStringLiteral("none"));
        choose("exportWhich", listed);
        QVERIFY(!part<QPushButton>("exportStart")->isEnabled());
        QVERIFY(!part<QPushButton>("exportCopy")->isEnabled());
        QVERIFY2(part<QLabel>("exportPlan")->text().contains(QLatin1String("list is empty")),
                 qPrintable(part<QLabel>("exportPlan")->text()));

        delete m_dialog;
        m_dialog = nullptr;
        closeWindow();
        for (auto& [folder, command] : commands) {
            const auto files = filesIn(folder);
            QVERIFY(QDir(m_folder->path()).rename(folder, folder + QStringLiteral("-window")));
            command.replace(0, 8, QLatin1Char('\'') + program + QLatin1Char('\''));
            QProcess shell;
            shell.start(QStringLiteral("/bin/sh"), {QStringLiteral("-c"), command});
            QVERIFY(shell.waitForFinished(60000));
            QVERIFY2(shell.exitCode() == 0, shell.readAllStandardError().constData());
            const auto again = filesIn(folder);
            QCOMPARE(again.size(), files.size());
            for (const auto& [name, bytes] : files)
                QVERIFY2(again.count(name) && again.at(name) == bytes,
                         qPrintable(folder + QLatin1Char('/') + name));
        }
    }

    void existingFilesAreReplacedSkippedOrLeftAlone() {
        annotate(3);
        openDialog(QStringLiteral("out"));
        run();
        const auto first = filesIn(QStringLiteral("out"));
        QVERIFY(first.size() >= 5);
        const QString mask = m_folder->filePath(QStringLiteral("out/case-001_mask.png"));
        const auto spoil = [&] {
            QFile file(mask);
            return file.open(QIODevice::WriteOnly) && file.write("mine") == 4;
        };
        QVERIFY(spoil());
        openDialog(QStringLiteral("out"));
        choose("exportExisting", 1); // skip
        run();
        QVERIFY2(summary().contains(QLatin1String("skipped")), qPrintable(summary()));
        QVERIFY(filesIn(QStringLiteral("out")).at(QStringLiteral("case-001_mask.png")) == "mine");
        openDialog(QStringLiteral("out"));
        choose("exportExisting", 2); // new folder
        run();
        QVERIFY(filesIn(QStringLiteral("out")).at(QStringLiteral("case-001_mask.png")) == "mine");
        QCOMPARE(filesIn(QStringLiteral("out-2")), first);
        openDialog(QStringLiteral("out"));
        choose("exportExisting", 0); // replace
        run();
        QCOMPARE(filesIn(QStringLiteral("out")), first);
    }

    // What will come is said beforehand: how much, what is left out, and how many masks have nothing in them.
    void thePlanSaysWhatWillCome() {
        annotate(4);
        const auto plan = [this] { return part<QLabel>("exportPlan")->text(); };
        session().show(session().list()[2]);
        QTRY_VERIFY(decidable());
        trigger("clearLabel");
        key(Qt::Key_A);
        key(Qt::Key_Return); // no lesion
        QTRY_COMPARE(session().project()->worklist().counts().byState[4], std::size_t(3));
        openDialog(QStringLiteral("out"));
        QVERIFY2(plan().startsWith(QLatin1String("3 images, 7 files, about ")) &&
                     plan().endsWith(QLatin1String("; 1 not accepted left out; 1 empty")),
                 qPrintable(plan()));
        choose("exportWhich", 1);
        QVERIFY2(plan().contains(QLatin1String("; 1 neither accepted nor submitted left out")),
                 qPrintable(plan()));
        choose("exportWhich", part<QComboBox>("exportWhich")->count() - 1);
        QVERIFY2(plan().startsWith(QLatin1String("4 images, ")) &&
                     !plan().contains(QLatin1String("left out")) &&
                     plan().endsWith(QLatin1String("; 1 empty; 1 without annotation")),
                 qPrintable(plan()));
        run();
        const auto files = filesIn(QStringLiteral("out"));
        QCOMPARE(files.size(), std::size_t(7)); // masks and label maps of three, and the table
    }

    // Masks that lie among the images since are no new images, neither in a folder of theirs nor beside them.
    void whatWasExportedIsNoImage() {
        annotate(3);
        openDialog(QStringLiteral("export"));
        run();
        openDialog(QString());
        run();
        QVERIFY(QFile::exists(m_folder->filePath(QStringLiteral("case-001_mask.png"))));
        QVERIFY(QFile::exists(m_folder->filePath(QStringLiteral("export/case-001_mask.png"))));
        delete m_dialog;
        m_dialog = nullptr;
        closeWindow();
        openFolder();
        QTRY_VERIFY(!session().project()->isScanning());
        QCOMPARE(session().project()->worklist().size(), std::size_t(3));
    }

    void whatCouldNotBeWrittenIsTriedAgain() {
        annotate(4);
        // The image of an overlay is gone for a while.
        const QString image = m_folder->filePath(QStringLiteral("case-002.png"));
        QVERIFY(QFile::rename(image, image + QStringLiteral(".away")));
        openDialog(QStringLiteral("out"));
        part<QCheckBox>("exportFormat-overlays")->setChecked(true);
        run();
        QVERIFY2(summary().contains(QLatin1String("1 not")), qPrintable(summary()));
        auto* report = part<QTreeWidget>("exportReport");
        int shown = 0;
        for (int i = 0; i < report->topLevelItemCount(); ++i) {
            if (report->topLevelItem(i)->isHidden())
                continue;
            ++shown;
            QVERIFY(report->topLevelItem(i)->text(0).contains(QLatin1String("case-002")));
            QVERIFY(report->topLevelItem(i)->text(3).contains(QLatin1String("case-002")));
        }
        QCOMPARE(shown, 1);
        keepScreenshot(m_dialog->grab().toImage(), QStringLiteral("export-failed"));
        QVERIFY(QFile::rename(image + QStringLiteral(".away"), image));
        QTest::mouseClick(part<QPushButton>("exportRetry"), Qt::LeftButton);
        QTRY_VERIFY2_WITH_TIMEOUT(summary().startsWith(QLatin1String("1 written")), qPrintable(summary()),
                                  20000);
        QVERIFY(QFile::exists(m_folder->filePath(QStringLiteral("out/case-002_overlay.jpg"))));
    }

    void aCancelledExportLeavesNoHalfFile() {
        annotate(6);
        openDialog(QStringLiteral("out"));
        part<QCheckBox>("exportFormat-overlays")->setChecked(true);
        QTest::mouseClick(part<QPushButton>("exportStart"), Qt::LeftButton);
        QTest::mouseClick(part<QPushButton>("exportCancel"), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(part<QPushButton>("exportBack")->isVisible(), 20000);
        const QDir out(m_folder->filePath(QStringLiteral("out")));
        for (const QString& name : out.entryList(QDir::Files)) {
            QVERIFY2(name.startsWith(QLatin1String("case-")) ||
                         name.startsWith(QLatin1String("export_report")) ||
                         name == QLatin1String("annotations.csv"),
                     qPrintable(name));
            if (name.endsWith(QLatin1String(".png")) || name.endsWith(QLatin1String(".jpg")))
                QVERIFY2(!QImage(out.filePath(name)).isNull(), qPrintable(name));
        }
    }

    void presetsAndTheSelection() {
        annotate(4);
        openDialog(QStringLiteral("out"));
        choose("exportNames", 1);
        part<QSpinBox>("exportLongestSide")->setValue(160);
        const ExportOptions chosen = m_dialog->options();
        // The name is written in the dialog itself; Escape there leaves it alone, and Enter does not export.
        auto* name = part<QLineEdit>("exportPresetName");
        QVERIFY(!name->isVisible());
        QTest::mouseClick(part<QPushButton>("exportSaveAs"), Qt::LeftButton);
        QVERIFY(name->isVisible() && !QApplication::activeModalWidget());
        QVERIFY(!part<QPushButton>("exportSavePreset")->isEnabled());
        QTest::keyClicks(name, QStringLiteral("Not this"));
        QTest::keyClick(name, Qt::Key_Escape);
        QVERIFY(m_dialog->isVisible() && !name->isVisible());
        QCOMPARE(part<QComboBox>("exportPreset")->count(), 1);
        QTest::mouseClick(part<QPushButton>("exportSaveAs"), Qt::LeftButton);
        QVERIFY(name->text().isEmpty());
        QTest::keyClicks(name, QStringLiteral("For ISIC"));
        QTest::keyClick(name, Qt::Key_Return);
        QVERIFY(!name->isVisible() && !m_dialog->isRunning());
        QCOMPARE(part<QComboBox>("exportPreset")->currentText(), QStringLiteral("For ISIC"));
        openDialog(QStringLiteral("out"));
        auto* preset = part<QComboBox>("exportPreset");
        const int at = preset->findText(QStringLiteral("For ISIC"));
        QVERIFY(at > 0);
        choose("exportNames", 0);
        preset->setCurrentIndex(at);
        Q_EMIT preset->activated(at);
        QVERIFY(m_dialog->options() == chosen);
        run();
        const QImage mask(m_folder->filePath(QStringLiteral("out/case-001_segmentation.png")));
        QCOMPARE(mask.size(), QSize(160, 120));
        delete m_dialog;
        m_dialog = nullptr;
        session().show(session().list()[1]);
        QTRY_VERIFY(decidable());
        trigger("exportSelected");
        m_dialog = m_window->findChild<ExportDialog*>(QStringLiteral("exportDialog"));
        QCOMPARE(m_dialog->options().images, std::vector<ImageId>{session().list()[1]});
        part<QLineEdit>("exportFolder")->setText(m_folder->filePath(QStringLiteral("selected")));
        run();
        const auto files = filesIn(QStringLiteral("selected"));
        QVERIFY(files.count(QStringLiteral("case-002_segmentation.png")));
        QVERIFY(!files.count(QStringLiteral("case-001_segmentation.png")));
    }
};

LIMN_GUI_TEST_MAIN(TestExportDialog)
#include "tst_export_dialog.moc"
