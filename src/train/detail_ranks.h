// A run's ranks: the same weights on all of them, who is slow, and faults that are made on purpose.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "fsc/train/run_config.h"
#include "train/detail_session.h"

namespace fsc::detail {

/// Rank 0's weights on every rank.
void share_weights(World& world, ClipModelImpl& model);

/// Error on all ranks where they do not have the same bits; it names the first tensor that differs, and the ranks.
void check_same_weights(World& world, const ClipModelImpl& model, int64_t step);

/// What all ranks must have in common before they begin.
Introduction introduction(const RunConfig& config, const Session& session);

/// What ranks tell each other of their time, a step on average.
struct RankTimes {
  double waited_seconds = 0;        ///< this rank's, for others
  std::vector<double> own_seconds;  ///< of each rank: what it worked itself; empty in a world of one
};

/// Who is slow: seconds that a rank works itself, held against the others' median.
class Stragglers {
 public:
  explicit Stragglers(World& world) : world_(world), waited_(world.waited_seconds()) {}
  /// From here on waiting counts.
  void begin() { waited_ = world_.waited_seconds(); }
  /// So much of it was not for a step.
  void leave_out(double waited_seconds) { waited_ += waited_seconds; }
  /// Every rank calls it after `steps` that took `seconds` in all; rank 0 warns of one that takes 1.5 times the median.
  RankTimes look(int64_t step, int64_t steps, double seconds) const;

 private:
  World& world_;
  double waited_;
};

/// fsc-train --simulate-fault KIND@STEP[:RANK].
struct Fault {
  enum class Kind { kNone, kKill, kStop, kSlow, kFullDisk, kTerm };
  Kind kind = Kind::kNone;
  int64_t step = 0, rank = -1;  ///< -1: the last rank; of full-disk the first

  /// "" gives none. UsageError.
  static Fault parse(const std::string& text);
  /// Before the step that follows `step` done ones.
  void strike(const World& world, int64_t done) const;
};

}  // namespace fsc::detail
