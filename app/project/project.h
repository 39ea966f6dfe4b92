// SPDX-License-Identifier: GPL-3.0-or-later
// A project as the window and the command line use it: open a folder or a file, the worklist, adding and
// removing images, states, annotations, history. It never waits for a disk: the store lives in the saver's
// thread, files are probed and hashed in another.
//
// Threads: a Project lives in one thread (the window's, or main of a program with a QCoreApplication); all
// functions are called there, all signals and callbacks come there. Functions return at once except those
// whose name begins with `wait`.
#pragma once

#include "app/document/annotation_document.h"
#include "app/project/saver.h"
#include "app/project/worklist.h"
#include "io/core/result.h"
#include "io/store/project_store.h"

#include <QObject>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace limn {

// What a look into an image file gives; the default reader is probeImage() of io/images.
struct FileFacts {
    Size size;
    std::optional<Spacing> spacing;
    std::string modality;
};

struct ProjectOptions {
    std::string person;    // who works; may be empty and set later
    bool readOnly = false; // never write
    bool takeOver = false; // ignore a holder on another host
    bool scanFolder =
        true; // add new images of the folder, and look for moved and changed ones, after opening
    // Where project files of read-only folders go; empty: the user's data folder.
    std::string fallbackFolder;
    // Called on the scanner's thread. Empty: the reader of io/images.
    std::function<Result<FileFacts>(const std::string& path)> probe;
    SaverOptions saver;
};

// An annotation out of the store, ready for AnnotationDocument::open().
struct LoadedAnnotation {
    AnnotationInfo info;
    AnnotationSnapshot snapshot;
};

// Something that a person should know, once. The window shows it as a banner.
struct ProjectNotice {
    enum class Kind {
        ProjectElsewhere, // the folder is read-only: argument = where the project file lies
        HeldByOther,      // argument = who
        ReadOnly,         // argument = project file
        InMemoryAlone,    // no place to write was found: argument = why
        Recovered,        // argument = where the damaged file was copied
        NewerSchema,      // argument = project file
        FilesSkipped,     // argument = how many; skippedFiles() lists them
        FileChanged,      // image = which; its pixels are not those that were annotated
        FileMissing,      // image = which
        FileMoved,        // image = which; argument = new path
        SecondVersion,    // image = which; argument = who saved first
        StrokesTaken,     // argument = how many strokes and decisions, out of the journal of a program that
                          // ended too early
    };
    Kind kind;
    ImageId image = 0;
    std::string argument;
    std::string sentence() const; // English, whole
};

// The file that opening this folder would use, when it is there already: one in the folder, or the one that
// is kept elsewhere because nothing could be written in the folder. FileNotFound: there is none.
Result<std::string> findProjectFile(const std::string& folder, const std::string& fallbackFolder = {});

// What images of one camera have in common, as calibrations are kept for it: here the size of its pictures.
std::string cameraOf(const ImageRecord& image);

class Project : public QObject {
    Q_OBJECT
public:
    // Starts to open; opened() or openFailed() follows. `path` is a folder of images (its project file is
    // made when there is none) or a project file.
    static std::unique_ptr<Project> open(const std::string& path, const ProjectOptions& options);
    // Writes what waits (up to 5 s) and closes. Ask waitUntilSaved() before.
    ~Project() override;

    // For programs without an event loop: waits until opening is over.
    Result<void> waitUntilOpen();
    // Waits until the scan of files and all posted changes are through, delivering signals meanwhile.
    // Empty timeout: as long as it takes.
    Result<void> waitUntilSettled(std::optional<int> timeoutMs = {});
    // Waits until everything is on disk. The status says what is not and why.
    SaveStatus waitUntilSaved(int timeoutMs);

    // --- What it is ---

    bool isOpen() const;
    std::string name() const;        // file name without .limn
    std::string filePath() const;    // empty: in memory
    std::string imageFolder() const; // absolute; image paths are relative to it
    StoreAccess access() const;
    const std::vector<ProjectNotice>& notices() const; // all so far
    SaveStatus saveStatus() const;
    const Worklist& worklist() const;
    std::string absolutePath(ImageId image) const; // empty: no such image

    // --- People and settings ---

    const std::vector<PersonRecord>& people() const;
    PersonId currentPerson() const; // kNobody: no name; kUnnumbered: a name that could not be stored yet
    void setPerson(const std::string& name);
    std::string personName(PersonId id) const; // empty: unknown
    std::string setting(const std::string& name, const std::string& fallback = {}) const;
    void setSetting(const std::string& name, const std::string& value);
    const std::vector<LabelSetRecord>& labelSets() const;
    void setLabelSet(const LabelSetRecord& set);

    // --- Images ---

    // Files and folders (searched through). imagesAdded() comes in portions, the first at once; what cannot
    // be read ends in skippedFiles().
    void addFiles(std::vector<std::string> paths);
    void removeImages(std::vector<ImageId> ids);
    // Looks at the files again: changed, missing, moved, new ones (in the folder).
    void rescan();
    // Looks in another folder for images whose file is missing, by what the files hold. Those that are there
    // go on there (FileMoved for each); nothing is added. located() follows.
    void locate(const std::string& folder);
    // Images whose file was not where the project has it when it was last looked at.
    std::vector<ImageId> missingImages() const;
    // Looks at one image's source file in the background; FileChanged or FileMissing follows when so.
    void checkSource(ImageId image);
    // The file as it is now is the image: after FileChanged, when a person looked and found it right.
    void acceptSource(ImageId image);
    struct Skipped {
        std::string path;
        Error reason;
    };
    const std::vector<Skipped>& skippedFiles() const;
    bool isScanning() const;

    // --- Review (the worklist is changed at once, the store follows) ---

    // InvalidArgument: a transition that mayFollow() forbids
    // (nothing is changed), Rejected without reason. Submitted, Accepted and Rejected keep a version of the
    // current person's annotation.
    Result<void> setState(const std::vector<ImageId>& ids, ReviewState to, const std::string& reason = {});
    void setFlag(ImageId image, bool flagged, const std::string& note = {});
    void assign(const std::vector<ImageId>& ids, PersonId person);
    void setFigures(ImageId image, const ImageFigures& figures);
    // A model made a proposal: notes its uncertainty, and a New image becomes Proposed.
    void noteProposal(ImageId image, double uncertainty);

    // --- Annotations ---

    // Hands over the current person's annotation; on disk within 2 s. Costs one pointer a tile. An image in
    // any state but InProgress becomes InProgress (submitted, accepted and rejected ones are reopened by
    // that).
    void saveAnnotation(ImageId image, const AnnotationSnapshot& snapshot, const ImageFigures& figures = {});
    // The same for the agreed annotation (kAgreed), or another person's copy; does not change the state.
    void saveAnnotationOf(ImageId image, PersonId person, const AnnotationSnapshot& snapshot);
    // As the newest handed-over snapshot or the store has it; empty: this person has none.
    void loadAnnotation(ImageId image, PersonId person, int version,
                        std::function<void(const Result<std::optional<LoadedAnnotation>>&)> done);
    void listAnnotations(ImageId image, std::function<void(const Result<std::vector<AnnotationInfo>>&)> done);
    void loadHistory(ImageId image, int limit,
                     std::function<void(const Result<std::vector<HistoryRecord>>&)> done);
    void listKeptVersions(ImageId image, std::function<void(const Result<std::vector<KeptVersion>>&)> done);
    void loadKeptVersion(std::int64_t keptId,
                         std::function<void(const Result<std::optional<LoadedAnnotation>>&)> done);
    // A remark of the current person about an image, kept as a line of its history ("comment"). Empty ones
    // are dropped.
    void addComment(ImageId image, const std::string& text);
    void addCalibration(const CalibrationRecord& record);
    // Removes what calibrates this image: its own calibrations, or, where it has none, those of its camera.
    void removeCalibration(ImageId image, const std::string& camera);
    void findCalibration(ImageId image, const std::string& camera,
                         std::function<void(const Result<std::optional<CalibrationRecord>>&)> done);

    // --- Trouble ---

    void retrySaving();
    // Copies the project to another place and goes on there, with everything that waits.
    void saveElsewhere(const std::string& path, std::function<void(const Result<void>&)> done);

    // The store's thread, for what has no function here: proposals, exports, verify.
    Saver& saver();

Q_SIGNALS:
    void opened();
    void openFailed(const limn::Error& error);
    void imagesAdded(const std::vector<limn::ImageId>& ids);
    void imagesRemoved(const std::vector<limn::ImageId>& ids);
    void imagesChanged(const std::vector<limn::ImageId>& ids); // states, figures, facts of the file
    void peopleChanged();
    void labelSetsChanged();
    void annotationSaved(limn::ImageId image, limn::PersonId person, qint64 revision);
    void saveStatusChanged(const limn::SaveStatus& status);
    void commentAdded(limn::ImageId image);
    void changeRefused(const limn::Error& error); // something could not be stored, and never can
    void noticed(const limn::ProjectNotice& notice);
    void scanProgress(int done, int total);
    void scanFinished();
    void located(int found, int stillMissing);

protected:
    bool event(QEvent* event) override;

private:
    struct State;
    explicit Project(std::unique_ptr<State> state);
    std::unique_ptr<State> m_state;
};

} // namespace limn
