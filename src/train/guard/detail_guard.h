// The forgetting guard: scores the probe while a model trains, keeps the Pareto front of its checkpoints, and says what to do.
#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "train/detail_session.h"
#include "train/guard/detail_guard_rules.h"
#include "train/guard/detail_probe.h"

namespace fsc::detail {

/// What the trainer does after a probe.
struct GuardVerdict {
  enum class Next { kGoOn, kStop, kRollBack };
  Next next = Next::kGoOn;
  bool save = false;                                    ///< this step belongs to the front (or is where the run stopped)
  std::vector<std::pair<std::string, double>> scalars;  ///< for TensorBoard
};

/// Everything it decides is a function of the config, the data and the probe's scores, never of a clock; its state goes into
/// the checkpoints, so that a resumed run decides the same. `config` and `session` must outlive it.
class Guard {
 public:
  Guard(const RunConfig& config, const Session& session, std::unique_ptr<const Probe> probe);

  /// No probe yet: step 0 is due.
  bool is_new() const { return base_.empty(); }
  /// Scored at step 0, every guard.every_steps (stretched to keep guard.budget) and at the end.
  bool due(int64_t step) const;
  /// Scores the session's model after `step`, logs and records it. The first call must be for step 0.
  GuardVerdict probe(int64_t step);
  bool stopped() const { return stopped_; }
  /// Of the learning rate.
  double lr_factor() const;
  /// The checkpoint with the best composition that kept the limit.
  std::filesystem::path best_checkpoint() const { return checkpoint_of(best_step()); }
  int64_t best_step() const;
  std::filesystem::path first_checkpoint() const { return checkpoint_of(0); }
  /// Checkpoints that must survive output.keep_last.
  std::set<int64_t> kept_steps() const;

  /// wise-ft: the largest alpha on the grid that keeps the limit, 0 (with a warning) when not even that does; `move_to` sets the
  /// session's model to an alpha, last to the one that is returned. Asked after the probe of the end.
  double choose_alpha(const std::function<void(double alpha)>& move_to);

  /// JSON for a checkpoint's state.json, and the way back. `folder` is that checkpoint's; the front's checkpoints beside it
  /// are copied when it lies in another run. UsageError when the probe is another one.
  std::string state() const;
  void restore(const std::string& state, const std::filesystem::path& folder);
  /// What probing cost.
  void log_cost() const;

 private:
  struct AlphaPoint {
    double alpha = 0;
    ProbePoint point;
  };
  /// The ranks share the probe's inputs. All get rank 0's outcomes: one bit more on another processor must not divide them.
  Outcomes score_together() const;
  /// What the probe says of the session's model; the first becomes what all are held against.
  ProbePoint score(int64_t step);
  void bound_cost();
  /// How large a drop this probe can see.
  void say_sight() const;
  void decide(GuardVerdict& verdict);
  void warn_of_crossings(const ProbePoint& point);
  void log_point(const ProbePoint& point, double seconds) const;
  std::string share_text() const;
  void fetch_front(const std::filesystem::path& folder) const;
  void write_files() const;
  void draw(const std::vector<size_t>& front) const;
  std::filesystem::path checkpoint_of(int64_t step) const;

  const RunConfig& run_config_;
  const GuardConfig& config_;
  const Session& session_;
  const DropLimit limit_;
  std::filesystem::path run_;
  std::unique_ptr<const Probe> probe_;
  int64_t every_ = 0;

  Outcomes base_;
  std::vector<ProbePoint> points_;
  std::map<std::string, bool> over_;  ///< kinds that are beyond the limit, so that a crossing is told once
  int64_t rollbacks_ = 0;
  bool stopped_ = false;
  std::vector<AlphaPoint> alphas_;
  std::optional<double> chosen_;

  std::chrono::steady_clock::time_point started_;
  double seconds_ = 0;
  int64_t scored_ = 0;
};

/// The guard that `config` asks for, null where it asks for none. Errors as suite_of_probe and Probe.
std::unique_ptr<Guard> open_guard(const RunConfig& config, const Session& session, const ProbeSuite& default_suite);

}  // namespace fsc::detail
