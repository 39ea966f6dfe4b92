// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli project create, add, status, export and verify.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/option_help.h"
#include "app/export/export_job.h"
#include "app/export/exported_annotation.h"
#include "app/project/project.h"
#include "app/project/project_check.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <QDir>
#include <QElapsedTimer>
#include <QFileInfo>

#include <cstdio>
#include <memory>

namespace limn {

namespace {

constexpr std::size_t kProblemsShown = 50;
constexpr int kSavePatienceMs = 60000;
constexpr int kTurnMs = 100;
constexpr int kTroublePatienceMs = 3000; // for what may pass: a lock, a moment without room

struct ProjectCommand {
    std::string project;
    std::vector<std::string> inputs;
    std::string person;
    ExportOptions exporting;
    std::vector<std::string> formats;
    std::vector<std::string> states;
    std::vector<std::string> images;
    std::string ids;
    std::string names = "suffix";
    std::string existing = "replace";
    bool json = false;
    bool list = false;
};

std::string absolute(const std::string& path) {
    return QFileInfo(QString::fromStdString(path)).absoluteFilePath().toStdString();
}

// Opens a project to change it. What can only be read is an Error that says why.
Result<std::unique_ptr<Project>> openForWriting(const ProjectCommand& command, bool scanFolder) {
    ProjectOptions options;
    options.person = command.person;
    options.scanFolder = scanFolder;
    std::unique_ptr<Project> project = Project::open(absolute(command.project), options);
    if (Result<void> opened = project->waitUntilOpen(); !opened)
        return opened.error();
    if (project->access() == StoreAccess::ReadWrite)
        return project;
    std::string why = "it is read-only";
    for (const ProjectNotice& notice : project->notices()) {
        if (notice.kind == ProjectNotice::Kind::HeldByOther)
            return Error{ErrorCode::StoreHeld, {project->filePath(), notice.argument}};
        if (notice.kind == ProjectNotice::Kind::NewerSchema)
            why = "a newer version of this program made it";
    }
    return Error{ErrorCode::FileNotWritable, {project->filePath(), why}};
}

// Waits for the scan and the disk, and says what was left out.
int settle(Project& project, const std::string& what) {
    // In short turns, so that Ctrl-C is noticed, and trouble that does not pass.
    QElapsedTimer sinceWell;
    sinceWell.start();
    while (!project.waitUntilSettled(kTurnMs)) {
        if (interruptToken().cancelled())
            return reportError(Error{ErrorCode::Cancelled, {"The project's scan"}});
        const SaveStatus status = project.saver().status();
        if (!status.trouble)
            sinceWell.restart();
        else if (sinceWell.elapsed() > kTroublePatienceMs)
            return reportError(*status.trouble);
    }
    const SaveStatus saved = project.waitUntilSaved(kSavePatienceMs);
    if (saved.trouble)
        return reportError(*saved.trouble);
    for (const ProjectNotice& notice : project.notices())
        printProblem(notice.sentence());
    printLine(what + " " + project.filePath() + " with " + imageCount(project.worklist().size()) + ".");
    const std::vector<Project::Skipped>& skipped = project.skippedFiles();
    for (std::size_t i = 0; i < skipped.size() && i < kProblemsShown; ++i)
        printProblem(skipped[i].reason.message());
    if (skipped.size() > kProblemsShown)
        printProblem("and " + std::to_string(skipped.size() - kProblemsShown) + " more files were left out.");
    return skipped.empty() ? kExitDone : kExitFailed;
}

int createProject(const ProjectCommand& command) {
    const QFileInfo folder(QString::fromStdString(command.project));
    if (!folder.isDir())
        return reportError(Error{ErrorCode::FileNotFound, {command.project}});
    const Result<std::unique_ptr<Project>> project = openForWriting(command, true);
    if (!project)
        return reportError(project.error());
    return settle(**project, "Project");
}

int addToProject(const ProjectCommand& command) {
    if (!QFileInfo::exists(QString::fromStdString(command.project)))
        return reportError(Error{ErrorCode::FileNotFound, {command.project}});
    const Result<std::unique_ptr<Project>> project = openForWriting(command, false);
    if (!project)
        return reportError(project.error());
    std::vector<std::string> inputs;
    bool missing = false;
    for (const std::string& input : command.inputs) {
        if (QFileInfo::exists(QString::fromStdString(input))) {
            inputs.push_back(absolute(input));
        } else {
            missing = true;
            reportError(Error{ErrorCode::FileNotFound, {input}});
        }
    }
    (*project)->addFiles(inputs);
    const int exitCode = settle(**project, "Project");
    return missing && exitCode == kExitDone ? kExitFailed : exitCode;
}

// The project file itself, or that of a folder.
Result<std::unique_ptr<ProjectStore>> openForReading(const std::string& path) {
    std::string file = absolute(path);
    if (QFileInfo(QString::fromStdString(file)).isDir()) {
        const Result<std::string> found = findProjectFile(file);
        if (!found)
            return found.error();
        file = *found;
    }
    StoreOptions options;
    options.create = false;
    options.readOnly = true;
    Result<std::unique_ptr<ProjectStore>> store = ProjectStore::open(file, options);
    if (store && (*store)->holder())
        printProblem(file + " is open in another program (" + (*store)->holder()->text() +
                     "): this is what it has saved so far.");
    return store;
}

// Says why openForReading(path) failed, and the way out; gives the exit code.
int reportUnread(const std::string& path, const Error& error) {
    const int exitCode = reportError(error);
    const std::string file = absolute(path);
    if (error.code == ErrorCode::StoreInvalid)
        printProblem("Open it in Limn, or call limn-cli project create with its folder: the damaged file is "
                     "kept aside, and what can be read is recovered.");
    else if (QFileInfo(QString::fromStdString(file)).isDir() && !findProjectFile(file))
        printProblem("to make a project of the folder: limn-cli project create " + path);
    return exitCode;
}

int showStatus(const ProjectCommand& command) {
    Result<std::unique_ptr<ProjectStore>> store = openForReading(command.project);
    if (!store)
        return reportUnread(command.project, store.error());
    Result<std::vector<ImageRecord>> images = (*store)->images();
    if (!images)
        return reportError(images.error());
    Worklist worklist;
    worklist.reset(std::move(*images));
    const WorklistCounts counts = worklist.counts();
    if (command.json) {
        nlohmann::ordered_json states;
        for (ReviewState state : kReviewStates)
            states[std::string(reviewStateName(state))] = counts.byState[static_cast<std::size_t>(state)];
        nlohmann::ordered_json json = {
            {"project", (*store)->path()}, {"images", counts.total},       {"states", states},
            {"flagged", counts.flagged},   {"no_lesion", counts.noLesion}, {"unusable", counts.unusable},
            {"to_do", counts.todo()}};
        for (ImageId id : command.list ? worklist.select({}) : std::vector<ImageId>()) {
            const ImageRecord& record = *worklist.find(id);
            json["list"].push_back({{"id", id},
                                    {"path", record.path},
                                    {"state", std::string(reviewStateName(record.state))},
                                    {"reason", record.reason},
                                    {"flagged", record.flagged},
                                    {"note", record.flagNote},
                                    {"trouble", record.trouble}});
        }
        printLine(json.dump(2));
        return kExitDone;
    }
    printLine((*store)->path() + ": " + imageCount(counts.total));
    const auto line = [](std::string_view name, std::size_t count) {
        char text[96];
        std::snprintf(text, sizeof text, "  %-12.*s %zu", static_cast<int>(name.size()), name.data(), count);
        printLine(text);
    };
    for (ReviewState state : kReviewStates)
        line(reviewStateName(state), counts.byState[static_cast<std::size_t>(state)]);
    line("flagged", counts.flagged);
    line("no lesion", counts.noLesion);
    line("unusable", counts.unusable);
    for (ImageId id : command.list ? worklist.select({}) : std::vector<ImageId>()) {
        const ImageRecord& record = *worklist.find(id);
        std::string words = std::string(reviewStateName(record.state)) + '\t' + record.path;
        for (const std::string* remark : {&record.reason, &record.flagNote, &record.trouble})
            words += remark->empty() ? "" : '\t' + *remark;
        printLine(words);
    }
    return kExitDone;
}

// Paths as the project has them, or as they lie on the disk.
Result<std::vector<ImageId>> imagesOf(ProjectStore& store, const std::vector<std::string>& paths) {
    Result<std::vector<ImageRecord>> images = store.images();
    if (!images)
        return images.error();
    const Result<std::string> folder = imageFolderOf(store);
    if (!folder)
        return folder.error();
    Worklist worklist;
    worklist.reset(std::move(*images));
    const QDir base(QString::fromStdString(*folder));
    std::vector<ImageId> ids;
    for (const std::string& path : paths) {
        const ImageRecord* record = worklist.findPath(path);
        if (!record)
            record = worklist.findPath(
                base.relativeFilePath(QString::fromStdString(absolute(path))).toStdString());
        if (!record)
            return Error{ErrorCode::InvalidArgument, {"--image", path, "an image of the project"}};
        ids.push_back(record->id);
    }
    return ids;
}

Result<ExportOptions> exportOptionsOf(ProjectStore& store, const ProjectCommand& command) {
    ExportOptions options = command.exporting;
    options.person = command.person;
    options.names = exportNamesFromName(command.names).value_or(options.names);
    options.existing = existingFilesFromName(command.existing).value_or(options.existing);
    if (!command.formats.empty()) {
        options.formats.clear();
        for (const std::string& name : command.formats)
            if (const std::optional<ExportFormat> format = exportFormatFromName(name))
                options.formats.push_back(*format);
    }
    for (const std::string& name : command.states)
        if (const std::optional<ReviewState> state = reviewStateFromName(name))
            options.states.push_back(*state);
    if (!command.ids.empty()) {
        Result<std::vector<ImageId>> ids = imageIdsFromRanges(command.ids);
        if (!ids)
            return ids.error();
        options.images = std::move(*ids);
    }
    if (!command.images.empty()) {
        const Result<std::vector<ImageId>> ids = imagesOf(store, command.images);
        if (!ids)
            return ids.error();
        options.images.insert(options.images.end(), ids->begin(), ids->end());
    }
    return options;
}

void printReport(const ExportReport& report) {
    std::string line = imageCount(report.count(ExportResult::Written)) + " written to " + report.folder;
    if (const std::size_t skipped = report.count(ExportResult::Skipped))
        line += ", " + std::to_string(skipped) + " skipped because their files were there";
    if (const std::size_t bare = report.count(ExportResult::Unannotated))
        line += ", " + std::to_string(bare) + " without an annotation";
    if (report.leftOut > 0)
        line += ", " + std::to_string(report.leftOut) + " left out";
    printLine(line + "; export_report.csv lists them all.");
    for (const std::string& note : report.notes)
        printLine(note);
    std::size_t shown = 0;
    std::size_t failed = 0;
    for (const ExportedImage& image : report.images) {
        if (image.result != ExportResult::Failed)
            continue;
        ++failed;
        if (shown++ < kProblemsShown)
            printProblem(image.path + ": " + image.reason);
    }
    if (failed > shown)
        printProblem("and " + std::to_string(failed - shown) + " more images failed.");
    if (report.stopped)
        printProblem(report.stopped->message());
    if (const std::size_t rest = report.count(ExportResult::NotReached))
        printProblem(imageCount(rest) + " not reached" +
                     (report.cancelled ? ": the export was cancelled." : "."));
}

int exportAnnotations(const ProjectCommand& command) {
    Result<std::unique_ptr<ProjectStore>> store = openForReading(command.project);
    if (!store)
        return reportUnread(command.project, store.error());
    const Result<ExportOptions> options = exportOptionsOf(**store, command);
    if (!options)
        return reportError(options.error());
    const CancelToken& cancel = interruptToken();
    std::unique_ptr<ProgressBar> bar;
    const Result<ExportReport> report = runExport(**store, *options, [&](const ExportProgress& progress) {
        if (!bar)
            bar = std::make_unique<ProgressBar>(progress.total, "images");
        bar->show(progress.done, progress.failed);
        return !cancel.cancelled();
    });
    bar.reset();
    if (!report)
        return reportError(report.error());
    if (command.json)
        printLine(exportReportJson(*report));
    else
        printReport(*report);
    if (report->cancelled)
        return reportError(Error{ErrorCode::Cancelled, {"The export"}});
    return report->allWell() ? kExitDone : kExitFailed;
}

int verifyAll(const ProjectCommand& command) {
    Result<std::unique_ptr<ProjectStore>> store = openForReading(command.project);
    if (!store)
        return reportUnread(command.project, store.error());
    const CancelToken& cancel = interruptToken();
    std::unique_ptr<ProgressBar> bar;
    Result<std::vector<std::string>> findings =
        verifyProject(**store, [&](std::size_t done, std::size_t total) {
            if (!bar)
                bar = std::make_unique<ProgressBar>(total, "images");
            bar->show(done, 0);
            return !cancel.cancelled();
        });
    bar.reset();
    if (!findings)
        return reportError(findings.error());
    for (const std::string& finding : *findings)
        printProblem(finding);
    printLine(findings->empty() ? (*store)->path() + ": everything is whole."
                                : (*store)->path() + ": " + std::to_string(findings->size()) + " findings.");
    return findings->empty() ? kExitDone : kExitFailed;
}

template<typename TakesProject, typename Run>
void addExportCommand(CLI::App& project, ProjectCommand& state, const TakesProject& takesProject,
                      const Run& run) {
    CLI::App* command =
        project.add_subcommand("export", "Write annotations as files that other programs read");
    takesProject(command);
    command->add_option("--output", state.exporting.folder, "Folder for the results; made when missing")
        ->required()
        ->type_name("DIR");
    std::vector<std::string> formats;
    for (ExportFormat format : allExportFormats())
        formats.emplace_back(exportFormatName(format));
    command
        ->add_option("--formats", state.formats,
                     "What to write, separated by commas; without it masks,labels,table")
        ->delimiter(',')
        ->check(oneOf(formats));
    command->add_option("--state", state.states, "Only images in these states, separated by commas")
        ->delimiter(',')
        ->check(oneOf({"new", "proposed", "in-progress", "submitted", "accepted", "rejected"}));
    command->add_option("--image", state.images, "Only this image; may be given several times")
        ->type_name("PATH");
    command->add_option("--ids", state.ids, "Only images with these numbers, such as 1,4-9")
        ->type_name("NUMBERS");
    command
        ->add_option("--person", state.person,
                     "Whose annotations; without it the agreed or the last edited ones")
        ->type_name("NAME");
    command
        ->add_option("--label", state.exporting.labels,
                     "Only this label; may be given several times. Others become background")
        ->type_name("NAME");
    command
        ->add_option("--longest-side", state.exporting.longestSide,
                     "Pixels; results that are longer are made smaller")
        ->type_name("PIXELS")
        ->check(between(0, 65535));
    command
        ->add_option("--names", state.names,
                     "suffix: NAME_mask.png; isic: NAME_segmentation.png; folders: masks/NAME.png")
        ->check(oneOf({"suffix", "isic", "folders"}));
    command
        ->add_option("--existing", state.existing,
                     "Files that are there: replace them, skip them, or write to a new-folder beside")
        ->check(oneOf({"replace", "skip", "new-folder"}));
    command->add_flag("--whole-labels", state.exporting.wholeLabels,
                      "COCO, labelme: one object a label, not one a connected part");
    command->add_flag("--coco-lists", state.exporting.cocoLists,
                      "COCO run lengths as lists of numbers, not as compressed text");
    command->add_flag("--without-people", state.exporting.withoutPeople,
                      "No names, notes and times of people in any file");
    command->add_flag("--json", state.json, "Print the report as JSON");
    run(command, exportAnnotations);
}

} // namespace

void addProjectCommands(CLI::App& program, ChosenCommand& chosen) {
    auto state = std::make_shared<ProjectCommand>();
    CLI::App* project = program.add_subcommand("project", "Make projects, look at them, export from them");
    project->require_subcommand(1);
    const auto run = [state, &chosen](CLI::App* command, int (*function)(const ProjectCommand&)) {
        command->callback(
            [state, &chosen, function] { chosen = [state, function] { return function(*state); }; });
    };
    const auto takesProject = [state](CLI::App* command) {
        command->add_option("project", state->project, "The .limn file, or the folder it lies in")
            ->required()
            ->type_name("FILE|FOLDER");
    };

    CLI::App* create = project->add_subcommand("create", "Make a project of a folder of images");
    create->add_option("folder", state->project, "Folder with images")->required()->type_name("FOLDER");
    create->add_option("--person", state->person, "Who works")->type_name("NAME");
    run(create, createProject);

    CLI::App* add = project->add_subcommand("add", "Add images to a project");
    takesProject(add);
    add->add_option("inputs", state->inputs, "Images and folders")->required()->type_name("IMAGE|FOLDER");
    add->add_option("--person", state->person, "Who works")->type_name("NAME");
    run(add, addToProject);

    CLI::App* status = project->add_subcommand("status", "How many images are in which state");
    takesProject(status);
    status->add_flag("--list", state->list, "Every image with its state, too");
    status->add_flag("--json", state->json, "Print JSON");
    run(status, showStatus);

    addExportCommand(*project, *state, takesProject, run);

    CLI::App* verify = project->add_subcommand("verify", "Check every stored value, and every image's hash");
    takesProject(verify);
    run(verify, verifyAll);
}

} // namespace limn
