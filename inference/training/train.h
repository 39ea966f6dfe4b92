// SPDX-License-Identifier: GPL-3.0-or-later
// Training VM-UNetV2 from samples in memory. No LibTorch type here; decoding images is the caller's part.
//
//     TrainOptions options = recipeOptions(Recipe::Best);
//     options.outputFolder = "runs/dermoscopy";
//     Result<TrainReport> report = train(set, options, observer);
//
// Threads: train() works in the calling thread, with threads of its own that prepare batches ahead. The
// observer is called from the calling thread. The same set, options and device give the same weights: batches
// depend on the seed and the step alone, not on which thread made them.
#pragma once

#include "inference/plain/checkpoint.h"
#include "inference/training/augment.h"
#include "io/core/drawn_image.h"

#include <memory>

namespace limn {

enum class Recipe {
    Paper, // the released code: AdamW 1e-3, decay 0.01, cosine T_max 50 to 1e-5, BCE + Dice, batch 80
    Best,  // ours: see recipeOptions()
};

struct TrainOptions {
    // Made when missing: last/ (the run's whole state, in files of less than 16 MB; plain/tensor_set.h),
    // best.safetensors, metrics.csv, curve.svg.
    std::string outputFolder;
    bool resume = false;      // go on from outputFolder/last where there is one
    std::string initialModel; // weights to begin with (tensors that fit), empty: random
    NetworkConfig config;
    std::string device = "auto"; // "auto", "cpu", "cuda", "cuda:N"
    std::uint64_t seed = 42;

    int epochs = 300; // a full run; the schedule is laid over this many
    int batch = 80;
    int inputSize = 256;
    std::vector<std::pair<double, int>> sizeSchedule; // {share of the run done, input size from there on}
    int workers = 0;                                  // batch-preparing threads; 0: one per core but one
    double timeLimitMinutes = 0.0;                    // stop (resumable) after this long; 0: never

    double learningRate = 1e-3;
    double finalLearningRate = 1e-5;
    double weightDecay = 1e-2;
    bool decayEverything = true; // false: matrices and kernels alone, as transformers are trained
    double warmUpSteps = 0;
    bool cosineOverWholeRun = false; // false: the released T_max of 50 epochs, up and down
    double gradientClip = 0.0;       // largest norm of all gradients; 0: none
    double averaging = 0.0;          // decay of the averaged weights per step; 0: none
    double dropPath = 0.2;
    double headWeight = 0.0;     // of the loss on each of the four heads
    double boundaryWeight = 0.0; // extra weight of pixels near the mask's border
    double pooledDice = 0.0;     // share of the Dice loss over all pixels of a batch, against each picture's
    AugmentOptions augmentation;
    // From this share of the run on pictures are changed little (calmAugmentation()): 1, never.
    double calmFrom = 1.0;
    // Drawn images with true masks, mixed in with this share at the start, falling to 0 at drawnUntil of the
    // run.
    double drawnShare = 0.0;
    double drawnUntil = 0.4;
    std::vector<DrawnKind> drawnKinds;

    int validateEvery = 1;          // epochs
    double saveEverySeconds = 30.0; // least time between two states, both after a validation; 0: after each
    // Weights of the shipped file's metadata.
    std::map<std::string, std::string> facts;
};

TrainOptions recipeOptions(Recipe recipe);

struct TrainingSet {
    std::vector<TrainingSample> training;
    std::vector<TrainingSample> validation;
};

struct ValidationScores {
    double dsc = 0.0; // one confusion matrix over all pixels at the input size
    double miou = 0.0;
    double loss = 0.0;
};

struct TrainProgress {
    int epoch = 0; // finished epochs
    int epochs = 0;
    std::int64_t step = 0;
    std::int64_t stepsPerEpoch = 0;
    double loss = 0.0; // mean over the epoch so far
    double learningRate = 0.0;
    double imagesPerSecond = 0.0;
    // Of the epoch's time that was spent waiting for a batch. A GPU may still work on what it got before.
    double deviceIdleShare = 0.0;
    double secondsLeft = 0.0;
    int inputSize = 0;
    bool validated = false; // an epoch ended; scores are of it, all 0 where no pair is held out
    ValidationScores scores;
    bool isBest = false;
};

class TrainObserver {
public:
    virtual ~TrainObserver() = default;
    virtual void progress(const TrainProgress& progress) = 0; // every few seconds and at each epoch's end
    virtual bool stopAsked() const = 0;                       // Ctrl-C: state is saved, then train() returns
};

struct TrainReport {
    int epochsDone = 0;
    bool finished = false; // false: stopped by time or by a person; resume goes on
    ValidationScores best;
    int bestEpoch = 0;
    double seconds = 0.0; // all pieces of the run together
    double imagesPerSecond = 0.0;
    double deviceIdleShare = 0.0;
    std::string device;
    std::string bestPath;
    std::string lastPath; // folder of the state
};

// Errors: InvalidArgument (no samples, sizes), DeviceNotAvailable, CheckpointMismatch (resume with other
// settings; weights to begin with that are of another network), ComputationFailed (a loss that is no number:
// names the step, the rate and the samples; the last good weights stay in last/), FileNotWritable,
// OutOfMemory.
Result<TrainReport> train(const TrainingSet& set, const TrainOptions& options, TrainObserver& observer);

// A decoded pair, shrunk by averaging so that the longer side is at most `longest`.
TrainingSample shrunkForTraining(const std::string& name, const Image& image, const LabelMap& mask,
                                 int longest);

} // namespace limn
