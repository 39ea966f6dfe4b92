// SPDX-License-Identifier: GPL-3.0-or-later
// Sentences by code.
#include "ui/session/sentences.h"

#include <QCoreApplication>
#include <QLocale>

namespace limn {
namespace {

// The same texts as io/core/error.cpp (a test compares them), where translators find them.
const char* errorSource(ErrorCode code) {
    switch (code) {
    case ErrorCode::FileNotFound:
        return QT_TRANSLATE_NOOP("Errors",
                                 "%1 does not exist. Check the path, or whether the file was moved.");
    case ErrorCode::FileNotReadable:
        return QT_TRANSLATE_NOOP("Errors", "%1 could not be opened: %2.");
    case ErrorCode::NotAFile:
        return QT_TRANSLATE_NOOP("Errors", "%1 is not a file. Give the path of one image.");
    case ErrorCode::FileEmpty:
        return QT_TRANSLATE_NOOP("Errors", "%1 is empty (0 bytes).");
    case ErrorCode::FileTruncated:
        return QT_TRANSLATE_NOOP("Errors", "%1 ends too early: %2. The copy may have been interrupted.");
    case ErrorCode::FormatUnknown:
        return QT_TRANSLATE_NOOP("Errors", "%1 is not a kind of file that can be read here: %2.");
    case ErrorCode::FormatMismatch:
        return QT_TRANSLATE_NOOP("Errors", "%1 claims to be %2 but holds %3.");
    case ErrorCode::FileCorrupt:
        return QT_TRANSLATE_NOOP("Errors", "%1 is damaged: %2.");
    case ErrorCode::FileTooLarge:
        return QT_TRANSLATE_NOOP("Errors", "%1 is too large: it claims %2, and at most %3 is allowed.");
    case ErrorCode::FeatureNotHandled:
        return QT_TRANSLATE_NOOP("Errors", "%1 uses something that cannot be read here: %2.");
    case ErrorCode::FileChanged:
        return QT_TRANSLATE_NOOP("Errors", "%1 was changed by another program since it was read.");
    case ErrorCode::FileNotWritable:
        return QT_TRANSLATE_NOOP("Errors", "%1 could not be written: %2.");
    case ErrorCode::DiskFull:
        return QT_TRANSLATE_NOOP("Errors",
                                 "%1 could not be written: the disk is full. Free some space and try again.");
    case ErrorCode::CheckpointInvalid:
        return QT_TRANSLATE_NOOP("Errors", "%1 cannot be used as a model: %2.");
    case ErrorCode::CheckpointMismatch:
        return QT_TRANSLATE_NOOP("Errors", "%1 does not fit this network: %2.");
    case ErrorCode::ModelNotFound:
        return QT_TRANSLATE_NOOP("Errors", "The model %1 was not found; it was looked for in %2.");
    case ErrorCode::DeviceNotAvailable:
        return QT_TRANSLATE_NOOP("Errors", "The device %1 cannot be used: %2.");
    case ErrorCode::OutOfMemory:
        return QT_TRANSLATE_NOOP("Errors", "There is too little memory for %1 (%2).");
    case ErrorCode::ComputationFailed:
        return QT_TRANSLATE_NOOP("Errors", "%1 failed: %2.");
    case ErrorCode::StoreInvalid:
        return QT_TRANSLATE_NOOP("Errors", "The project %1 cannot be read: %2.");
    case ErrorCode::StoreTooNew:
        return QT_TRANSLATE_NOOP(
            "Errors",
            "The project %1 was made by a newer version (its schema is %2, this program knows up to %3).");
    case ErrorCode::StoreHeld:
        return QT_TRANSLATE_NOOP(
            "Errors", "The project %1 is open in another program (%2); it can be read, not changed.");
    case ErrorCode::StoreReadOnly:
        return QT_TRANSLATE_NOOP("Errors", "The project %1 is read-only; changes are kept only in memory.");
    case ErrorCode::StoreStale:
        return QT_TRANSLATE_NOOP("Errors",
                                 "%1 was saved by %2 meanwhile. Yours is kept as a second version.");
    case ErrorCode::StoreBusy:
        return QT_TRANSLATE_NOOP(
            "Errors", "The project %1 is locked by another program at the moment; saving is tried again.");
    case ErrorCode::InvalidArgument:
        return QT_TRANSLATE_NOOP("Errors", "%1 is %2, but must be %3.");
    case ErrorCode::Cancelled:
        return QT_TRANSLATE_NOOP("Errors", "%1 was cancelled.");
    case ErrorCode::ListOfFailures:
        return QT_TRANSLATE_NOOP("Errors", "%1 items failed: %2");
    }
    return "%1";
}

// Places are filled in one pass: a file's name may hold "%2".
QString filled(const QString& text, const std::vector<std::string>& arguments) {
    QString result;
    for (qsizetype i = 0; i < text.size(); ++i) {
        const bool place = text[i] == QLatin1Char('%') && i + 1 < text.size() &&
                           text[i + 1] >= QLatin1Char('1') && text[i + 1] <= QLatin1Char('9');
        if (!place) {
            result += text[i];
            continue;
        }
        const std::size_t index = static_cast<std::size_t>(text[++i].unicode() - u'1');
        result += index < arguments.size() ? QString::fromStdString(arguments[index]) : QStringLiteral("?");
    }
    return result;
}

const char* noticeSource(ProjectNotice::Kind kind) {
    using Kind = ProjectNotice::Kind;
    switch (kind) {
    case Kind::ProjectElsewhere:
        return QT_TRANSLATE_NOOP("Notices", "The folder cannot be written to, so the project is kept in %1.");
    case Kind::HeldByOther:
        return QT_TRANSLATE_NOOP("Notices",
                                 "This project is open elsewhere (%1). You can look at everything; changes "
                                 "stay in memory until it is closed there.");
    case Kind::ReadOnly:
        return QT_TRANSLATE_NOOP("Notices",
                                 "%1 is read-only: changes stay in memory until it can be written to.");
    case Kind::InMemoryAlone:
        return QT_TRANSLATE_NOOP("Notices",
                                 "No place was found to keep the project: %1 Everything stays in memory "
                                 "until you save it elsewhere.");
    case Kind::Recovered:
        return QT_TRANSLATE_NOOP("Notices",
                                 "The project file was damaged. What could be read is here; the damaged "
                                 "file was kept as %1.");
    case Kind::NewerSchema:
        return QT_TRANSLATE_NOOP(
            "Notices", "%1 was made by a newer version of this program; it can be looked at, not changed.");
    case Kind::FilesSkipped:
        return QT_TRANSLATE_NOOP("Notices",
                                 "%1 of the files could not be read as images. The others are fine.");
    case Kind::FileChanged:
        return QT_TRANSLATE_NOOP("Notices", "%1 was changed by another program after it was annotated. Check "
                                            "whether the annotation still fits.");
    case Kind::FileMissing:
        return QT_TRANSLATE_NOOP("Notices", "%1 is no longer where it was. Its annotations are kept.");
    case Kind::FileMoved:
        return QT_TRANSLATE_NOOP("Notices", "An image was found again at %1.");
    case Kind::StrokesTaken:
        return QT_TRANSLATE_NOOP("Notices",
                                 "The program ended before everything was in the project file. The last "
                                 "changes (%1) were taken from its journal: nothing is lost.");
    case Kind::SecondVersion:
        return QT_TRANSLATE_NOOP("Notices",
                                 "This annotation was saved by %1 meanwhile. Yours is kept as a second "
                                 "version beside it.");
    }
    return "%1";
}

} // namespace

QString errorText(const Error& error) {
    return filled(QCoreApplication::translate("Errors", errorSource(error.code)), error.arguments);
}

QString noticeText(const ProjectNotice& notice) {
    return filled(QCoreApplication::translate("Notices", noticeSource(notice.kind)), {notice.argument});
}

QString timeLeftText(double seconds) {
    constexpr double kInSeconds = 90;
    const QLocale locale;
    return seconds < kInSeconds
               ? QCoreApplication::translate("Progress", "%1 s left").arg(locale.toString(seconds, 'f', 0))
               : QCoreApplication::translate("Progress", "%1 min left")
                     .arg(locale.toString(seconds / 60, 'f', 0));
}

} // namespace limn
