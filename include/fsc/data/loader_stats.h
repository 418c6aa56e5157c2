// What the loader did with its time and its samples, and how it is told.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fsc {

/// Where a sample's time goes. All but collate and wait run in the workers.
enum class Stage : size_t { kRead, kUntar, kDecode, kResize, kTokenize, kAnalyse, kGenerate, kCollate, kWait, kCount };
const char* stage_name(Stage stage);

/// Counts since the loader was opened; subtract two to get those between.
struct LoaderStats {
  int64_t samples = 0, batches = 0;  ///< handed out
  int64_t texts = 0, truncated = 0, mojibake = 0, invalid_utf8 = 0;
  int64_t bad_samples = 0;         ///< samples that were missing or broken, each once
  int64_t negative_slots = 0;      ///< negatives that were wanted
  int64_t negatives = 0;           ///< negatives that were made or listed
  int64_t negatives_dropped = 0;   ///< equal to another caption of the batch
  int64_t duplicates_moved = 0;    ///< samples that waited because their image or caption was in the batch
  int64_t duplicates_left = 0;     ///< samples whose image or caption was in the batch and stayed
  std::vector<int64_t> by_source;  ///< samples of each element of data.train
  std::array<double, static_cast<size_t>(Stage::kCount)> seconds{};  ///< of all workers together; wait: of the consumer
  double elapsed = 0;                                                ///< between the first and the last call of next()

  double& at(Stage stage) { return seconds[static_cast<size_t>(stage)]; }
  double at(Stage stage) const { return seconds[static_cast<size_t>(stage)]; }
  LoaderStats operator-(const LoaderStats& before) const;
};

/// One line: whether the run waits for its input, and what a sample costs where.
std::string input_line(const LoaderStats& stats, int64_t workers);
/// The table for the end of a run, one line an element: share of each stage, the verdict, and what would help.
std::vector<std::string> input_table(const LoaderStats& stats, int64_t workers);

}  // namespace fsc
