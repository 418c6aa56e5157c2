// The training loop: batches in, checkpoints and metrics out.
#pragma once
#include <memory>
#include <string>

#include "fsc/core/error.h"
#include "fsc/data/loader.h"
#include "fsc/image/preprocess.h"
#include "fsc/losses/objective.h"
#include "fsc/model/clip_model.h"
#include "fsc/optim/optimizer.h"
#include "fsc/train/probe_suite.h"
#include "fsc/train/run_config.h"

namespace fsc {

/// What one step yields, on the device; nothing is read back here.
struct StepReport {
  Losses losses;
  torch::Tensor logit_scale;  ///< as used by this step's loss
  StepVerdict verdict;
};

/// The parts a step works on.
struct Learner {
  ClipModel model{nullptr};
  std::vector<Term> objective;
  bool needs_tokens = false;
  int64_t accum_freq = 1;  ///< parts a batch goes through the model in
  bool has_dropout = false;
  Precision precision = Precision::kFp32;
  torch::Device device = torch::kCPU;
  Preprocess preprocess;  ///< how the model wants its pixels
  std::unique_ptr<AdamW> optimizer;
  std::unique_ptr<GradScaler> scaler;

  /// Forward, losses, backward, update (src/train/step.cpp: one page). A batch that is on the device, its texts in parts, makes
  /// the step wait for nothing. `random` is the step's own stream of dropout.
  StepReport step(Batch batch, double lr, uint64_t random = 0);

 private:
  Batch prepared(Batch batch) const;
  Features encode(const Batch& batch, int64_t part, uint64_t random);
  Features complete(Features features, const Batch& batch) const;
  Losses losses_of(Features features);
  Losses backward_in_parts(const Batch& batch, uint64_t random);
};

/// What a run is started with beyond its config.
struct TrainOptions {
  std::string resume;  ///< "" = a new run, "auto" = go on in output.dir if there is something, else a run or checkpoint folder
  bool dry_run = false;
  ProbeSuite default_probe = {};  ///< asked when the guard is on and guard.suite is empty
};

/// Runs a config to its end. Returns kDone, or kInterrupted when stop_requested() before the last step is done (the checkpoint is
/// saved); where that happens while it waits for its input, the process ends here with that code. Stopped: nothing was begun.
/// Throws Error.
ExitCode train(const RunConfig& config, const TrainOptions& options);

}  // namespace fsc
