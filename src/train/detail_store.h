// A run's state on disk: what is saved of it, and the one way back.
#pragma once
#include <filesystem>

#include "fsc/train/checkpoint.h"
#include "fsc/train/run_config.h"
#include "train/detail_session.h"
#include "train/guard/detail_guard.h"

namespace fsc::detail {

/// All weights of a checkpoint that is not LoRA's; the file is mapped, not read.
StateDict checkpoint_weights(const std::filesystem::path& checkpoint);

/// Puts a checkpoint's weights into the session's model, plain or LoRA's part. Error: they do not fit, or another base of LoRA.
void restore_weights(Session& session, const std::filesystem::path& checkpoint);

/// Writes the checkpoints of a run, on rank 0, and takes its state from them, on all.
class Store {
 public:
  /// All must outlive it; `guard` may be null.
  Store(const RunConfig& config, Session& session, const Guard* guard);

  /// config.yaml in the run folder.
  void write_config() const;

  bool has(int64_t step) const { return saved_step_ == step; }
  /// Writes checkpoints/step_N of `state` and the session, whether it is there or not.
  void save(const TrainState& state);

  /// The session as the checkpoint has it, and where the run then stands. UsageError: the data are not those of then.
  TrainState restore(const Checkpoint& checkpoint);
  /// Once restored: a checkpoint of another run becomes one of this run, which --resume auto finds should it be killed early.
  void make_own(const Checkpoint& checkpoint);
  /// restore() of the checkpoint that the guard names.
  TrainState restore_best();
  /// restore_best() as if what lies behind it had never been.
  TrainState go_back();

 private:
  std::string yaml() const;
  void write(const TrainState& state, const StateDict& optimizer) const;

  const RunConfig& config_;
  Session& session_;
  const Guard* guard_;
  std::filesystem::path folder_;
  int64_t saved_step_ = -1;
};

}  // namespace fsc::detail
