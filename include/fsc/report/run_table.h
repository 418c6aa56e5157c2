// What several runs have come to, a row each: the end of a sweep.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fsc {

/// A run folder in short.
struct RunSummary {
  std::filesystem::path run;
  std::string overrides;  ///< what sets it apart from the others; "" = not known
  bool done = false;      ///< its model is there
  std::optional<int64_t> step;
  std::optional<double> loss;  ///< the last that was logged
  std::vector<std::pair<std::string, double>>
      scores;  ///< the guard's best probe, then the means of fsc-eval, where there are such
};

/// A folder that is not there, or holds no run yet, gives a summary with nothing in it. Error: a file that is not as we write it.
RunSummary summarize_run(const std::filesystem::path& run);

/// For people: row, state, step, loss, scores, overrides, folder.
std::string runs_table(const std::vector<RunSummary>& runs);
/// The same for programs.
std::string runs_csv(const std::vector<RunSummary>& runs);

}  // namespace fsc
