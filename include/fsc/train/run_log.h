// What a run writes while it goes: metrics.jsonl, TensorBoard events, the progress line and the loss curve.
#pragma once
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fsc {

/// One logged step. Loss terms are weighted, as they enter `loss`.
struct Metrics {
  int64_t step = 0;     ///< optimizer steps done, this one included
  int64_t epoch = 0;    ///< 0-based
  int64_t samples = 0;  ///< images seen so far
  double loss = 0;
  std::vector<std::pair<std::string, double>> terms;
  double lr = 0;
  double logit_scale = 0;  ///< the parameter (log of the factor) this step's loss used
  double grad_norm = 0;    ///< before clipping
  double samples_per_second = 0;
  double data_seconds = 0;  ///< waiting for data, a step on average since the last line
  double step_seconds = 0;  ///< whole step, likewise
  double comm_seconds = 0;  ///< waiting for other ranks, likewise; 0 (and not written) where there are none
  std::vector<double> rank_samples_per_second = {};  ///< of each rank had it not waited for others; empty where there are none
};

/// TensorBoard's event file: scalars only.
class EventWriter {
 public:
  /// Creates events.out.tfevents.* in `folder`. `first_step` > 0 tells TensorBoard to drop what an interrupted run wrote from
  /// there on.
  EventWriter(const std::filesystem::path& folder, int64_t first_step);
  void scalars(int64_t step, const std::vector<std::pair<std::string, double>>& values);

 private:
  void record(const std::string& event);
  std::filesystem::path path_;
  std::ofstream file_;
};

/// Appends to metrics.jsonl and TensorBoard; a run that goes on from `first_step` first drops the lines after it.
class RunLog {
 public:
  RunLog(const std::filesystem::path& run, int64_t first_step, bool tensorboard);
  void write(const Metrics& metrics);
  /// To TensorBoard only.
  void scalars(int64_t step, const std::vector<std::pair<std::string, double>>& values) {
    if (events_) events_->scalars(step, values);
  }

 private:
  std::filesystem::path run_;
  std::ofstream metrics_;
  std::unique_ptr<EventWriter> events_;
};

/// loss_curve.png of a run from all of its metrics.jsonl: the loss and the terms of the objective.
void draw_loss_curve(const std::filesystem::path& run, const std::vector<std::string>& terms);

}  // namespace fsc
