// The training loop: batches in, checkpoints and metrics out.
#pragma once
#include <memory>
#include <string>

#include "fsc/core/error.h"
#include "fsc/data/loader.h"
#include "fsc/dist/buckets.h"
#include "fsc/image/preprocess.h"
#include "fsc/losses/objective.h"
#include "fsc/model/clip_model.h"
#include "fsc/optim/optimizer.h"
#include "fsc/train/probe_suite.h"
#include "fsc/train/run_config.h"

namespace fsc {
namespace detail {
class OptimizerShards;
}

/// What one step yields, on the device; nothing is read back here.
struct StepReport {
  Losses losses;
  torch::Tensor logit_scale;    ///< as used by this step's loss
  torch::Tensor own_loss = {};  ///< with several ranks: this one's part of the loss, whose mean over ranks is in `losses`
  StepVerdict verdict;
};

/// The parts a step works on.
struct Learner {
  ClipModel model{nullptr};
  std::vector<Term> objective;
  Needs needs;             ///< of the objective
  int64_t accum_freq = 1;  ///< parts a batch goes through the model in
  bool has_dropout = false;
  Precision precision = Precision::kFp32;
  torch::Device device = torch::kCPU;
  Preprocess preprocess;  ///< how the model wants its pixels
  std::unique_ptr<AdamW> optimizer;
  std::unique_ptr<GradScaler> scaler;
  std::shared_ptr<World> world = lone_world();
  std::unique_ptr<GradientBuckets> buckets;         ///< with several processes
  std::shared_ptr<detail::OptimizerShards> shards;  ///< with distributed.shard_optimizer
  HnReduction hn_reduction = HnReduction::kGlobal;
  FeatureExchange exchange = FeatureExchange::kGather;

  /// Forward, losses, backward, update (src/train/step.cpp: one page). A batch that is on the device, its texts in parts, makes
  /// the step wait for nothing. `random` is the step's own stream of dropout.
  StepReport step(Batch batch, double lr, uint64_t random = 0);

 private:
  Batch prepared(Batch batch) const;
  Features encode(const Batch& batch, int64_t part, uint64_t random);
  Features complete(Features features, const Batch& batch) const;
  void join(Features& features, const Batch& batch) const;
  void take_means(Losses& losses) const;
  Losses losses_of(Features features);
  Losses backward_in_parts(const Batch& batch, uint64_t random);
};

/// What a run is started with beyond its config.
struct TrainOptions {
  std::string resume;  ///< "" = a new run, "auto" = go on in output.dir if there is something, else a run or checkpoint folder
  bool dry_run = false;
  std::string simulate_fault = {};  ///< "" or KIND@STEP[:RANK], to see what a run does then
  ProbeSuite default_probe = {};    ///< asked when the guard is on and guard.suite is empty
};

/// Runs a config to its end, on this rank of several where there are (find_layout), and returns kDone. When stop_requested() on
/// any rank before the last step is done, the checkpoint is saved and the process ends here with kInterrupted, without waiting
/// for workers that may hang. Stopped: nothing was begun. Throws Error; of several ranks the process ends here with its code.
ExitCode train(const RunConfig& config, const TrainOptions& options);

}  // namespace fsc
