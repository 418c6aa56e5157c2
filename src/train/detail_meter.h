// What a run tells of itself: verdicts of its steps, rates, metrics, the progress line and the closing lines.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fsc/core/clock.h"
#include "fsc/core/log.h"
#include "fsc/train/checkpoint.h"
#include "fsc/train/run_config.h"
#include "fsc/train/run_log.h"
#include "train/detail_input_report.h"
#include "train/detail_ranks.h"
#include "train/detail_session.h"

namespace fsc::detail {

class Meter {
 public:
  /// All must outlive it. Opens metrics.jsonl to go on after the step of `state`, whose counts of skipped steps it keeps.
  Meter(const RunConfig& config, const Session& session, TrainState& state);

  /// From here on time counts.
  void start();
  /// So long the next step waited for its batch.
  void waited(double seconds) { data_seconds_ += seconds; }
  /// The step that `state` counted last: how it went, whose samples it had, its learning rate. Errors as read_back.
  void step(StepReport report, std::vector<std::string> keys, double lr);
  /// Reads the verdicts of pending steps from the device and warns of skipped ones. Error: optim.max_skipped_steps of them in a
  /// row.
  void read_back();

  /// Numbers for TensorBoard only.
  void scalars(const std::vector<std::pair<std::string, double>>& values) {
    if (log_) log_->scalars(state_.step, values);
  }
  /// Such time is not the training's, and so long of it this rank waited for others.
  void leave_out(Clock::duration time, double waited_seconds);
  /// `state` was at the step `from` and has been taken back: the steps between do not count.
  void went_back(int64_t from);
  /// Removes what the log says of later steps than that of `state`.
  void drop_later_lines();

  /// Ends the progress line.
  void end_line() { progress_.finish(); }
  /// What the whole run took.
  void say_totals() const;
  /// Closes the log's files; only the destructor may follow.
  void close() { log_.reset(); }

 private:
  /// A step whose verdict is still on the device.
  struct Pending {
    int64_t step = 0;
    StepReport report;
    std::vector<std::string> keys;
  };
  void count_skipped(const Pending& pending);
  std::string culprits(const Pending& pending) const;
  void write_line(double lr);
  void open_window();
  int64_t epoch() const;
  std::string line_text(const Metrics& m) const;
  std::string progress_text() const;
  double eta() const;

  const RunConfig& config_;
  const Session& session_;
  TrainState& state_;
  std::filesystem::path folder_;
  std::unique_ptr<RunLog> log_;  ///< rank 0's
  InputReport input_;
  Stragglers stragglers_;
  ProgressLine progress_;
  std::vector<Pending> pending_;
  Pending last_;
  Metrics last_metrics_;
  double last_loss_ = 0;
  Clock::time_point started_, window_start_;
  int64_t first_step_ = 0, window_first_ = 0;
  double data_seconds_ = 0, total_data_seconds_ = 0;
};

}  // namespace fsc::detail
