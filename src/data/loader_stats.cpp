// Stages as a line and as a table, and the verdict: bound by input or by compute.
#include "fsc/data/loader_stats.h"

#include <fmt/format.h>

#include <algorithm>

namespace fsc {
namespace {

constexpr double kBoundByInput = 0.05;  // share of the time spent waiting from which the input is what holds a run up

constexpr Stage kWorkerStages[] = {Stage::kRead,     Stage::kUntar,   Stage::kDecode,  Stage::kResize,
                                   Stage::kTokenize, Stage::kAnalyse, Stage::kGenerate};

double worker_seconds(const LoaderStats& stats) {
  double sum = 0;
  for (const Stage stage : kWorkerStages) sum += stats.at(stage);
  return sum;
}

Stage dearest(const LoaderStats& stats) {
  return *std::max_element(std::begin(kWorkerStages), std::end(kWorkerStages),
                           [&](Stage a, Stage b) { return stats.at(a) < stats.at(b); });
}

const char* advice(Stage stage) {
  switch (stage) {
    case Stage::kRead:
      return "faster disk or network, or shards instead of single files (fsc-data pack)";
    case Stage::kUntar:
      return "larger files a shard";
    case Stage::kDecode:
      return "more data.workers, or images stored at a smaller size";
    case Stage::kResize:
      return "more data.workers, or images stored at a smaller size";
    case Stage::kTokenize:
      return "more data.workers";
    default:
      return "more data.workers, or negatives made ahead (fsc-data negatives --column)";
  }
}

std::string verdict(const LoaderStats& stats) {
  const double waiting = stats.elapsed > 0 ? stats.at(Stage::kWait) / stats.elapsed : 0;
  return fmt::format("{:.1f}% of the time waiting for input: bound by {}", 100 * waiting,
                     waiting > kBoundByInput ? "input" : "compute");
}

double per_sample_ms(const LoaderStats& stats, Stage stage) {
  return 1e3 * stats.at(stage) / static_cast<double>(std::max<int64_t>(1, stats.samples));
}

}  // namespace

const char* stage_name(Stage stage) {
  static constexpr const char* names[] = {"read",    "untar",    "decode",  "resize", "tokenise",
                                          "analyse", "generate", "collate", "wait"};
  return names[static_cast<size_t>(stage)];
}

LoaderStats LoaderStats::operator-(const LoaderStats& before) const {
  LoaderStats d = *this;
  d.samples -= before.samples, d.batches -= before.batches, d.texts -= before.texts, d.truncated -= before.truncated;
  d.mojibake -= before.mojibake, d.invalid_utf8 -= before.invalid_utf8, d.bad_samples -= before.bad_samples;
  d.negative_slots -= before.negative_slots, d.negatives -= before.negatives, d.negatives_dropped -= before.negatives_dropped;
  d.duplicates_moved -= before.duplicates_moved, d.duplicates_left -= before.duplicates_left, d.elapsed -= before.elapsed;
  for (size_t i = 0; i < std::min(d.by_source.size(), before.by_source.size()); ++i) d.by_source[i] -= before.by_source[i];
  for (size_t i = 0; i < d.seconds.size(); ++i) d.seconds[i] -= before.seconds[i];
  return d;
}

std::string input_line(const LoaderStats& stats, int64_t workers) {
  std::string stages;
  for (const Stage stage : kWorkerStages)
    if (per_sample_ms(stats, stage) >= 0.005) stages += fmt::format(" {} {:.2f}", stage_name(stage), per_sample_ms(stats, stage));
  const double busy = stats.elapsed > 0 ? worker_seconds(stats) / (stats.elapsed * static_cast<double>(workers)) : 0;
  return fmt::format("input: {}; ms a sample:{}; {} busy {:.0f}%", verdict(stats), stages,
                     workers == 1 ? "the worker" : "workers", 100 * busy);
}

std::vector<std::string> input_table(const LoaderStats& stats, int64_t workers) {
  std::vector<std::string> lines;
  const double all = std::max(1e-9, worker_seconds(stats));
  lines.push_back(fmt::format("input: {}", verdict(stats)));
  lines.push_back(fmt::format("  {:<9} {:>10} {:>13} {:>8}", "stage", "seconds", "ms a sample", "share"));
  for (const Stage stage : kWorkerStages)
    lines.push_back(fmt::format("  {:<9} {:>10.2f} {:>13.3f} {:>7.1f}%", stage_name(stage), stats.at(stage),
                                per_sample_ms(stats, stage), 100 * stats.at(stage) / all));
  for (const Stage stage : {Stage::kCollate, Stage::kWait})
    lines.push_back(fmt::format("  {:<9} {:>10.2f} {:>13.3f}   ({})", stage_name(stage), stats.at(stage),
                                per_sample_ms(stats, stage), stage == Stage::kCollate ? "one thread" : "the training thread"));
  const double rate = static_cast<double>(stats.samples) * static_cast<double>(workers) / all;
  lines.push_back(fmt::format("  {} worker{}: up to {:.0f} samples/s; the dearest stage is {}: {}", workers,
                              workers == 1 ? "" : "s", rate, stage_name(dearest(stats)), advice(dearest(stats))));
  if (stats.negative_slots > 0)
    lines.push_back(fmt::format(
        "  negatives: {} of {} wanted ({:.1f}%), {} dropped as a caption of their batch", stats.negatives, stats.negative_slots,
        100.0 * static_cast<double>(stats.negatives) / static_cast<double>(stats.negative_slots), stats.negatives_dropped));
  if (stats.duplicates_moved + stats.duplicates_left > 0)
    lines.push_back(fmt::format(
        "  same image or caption in a batch: {} samples moved to a later batch, {} left ({:.3f}% of all)", stats.duplicates_moved,
        stats.duplicates_left,
        100.0 * static_cast<double>(stats.duplicates_left) / static_cast<double>(std::max<int64_t>(1, stats.samples))));
  for (size_t i = 0; stats.by_source.size() > 1 && i < stats.by_source.size(); ++i)
    lines.push_back(fmt::format("  data.train[{}]: {} samples", i, stats.by_source[i]));
  return lines;
}

}  // namespace fsc
