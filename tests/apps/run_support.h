// What tests of whole training runs share: the command line, the log, and how two runs' ends are compared.
#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/golden.h"
#include "support/process.h"
#include "support/small_run.h"

namespace fsc::test {

inline std::vector<std::string> train(const SmallRun& run, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"--config", run / "config.yaml"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

inline int steps_logged(const std::filesystem::path& run) {
  std::ifstream file(run / "metrics.jsonl");
  int lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

/// Waits until the run has logged `steps` steps (or ended).
inline void wait_for_steps(Process& process, const SmallRun& run, int steps) {
  while (process.runs() && steps_logged(run.run()) < steps) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

/// The lines of metrics.jsonl without what a clock measures.
inline std::vector<std::string> timeless_metrics(const std::filesystem::path& run) {
  std::vector<std::string> all;
  std::ifstream file(run / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    auto json = nlohmann::json::parse(line);
    for (const char* key : {"samples_per_second", "data_seconds", "step_seconds", "comm_seconds", "rank_samples_per_second"})
      json.erase(key);
    all.push_back(json.dump());
  }
  return all;
}

/// What a run of twelve steps ends with.
struct RunEnd {
  std::string model, optimizer;
  std::vector<std::string> metrics;
  static RunEnd of(const std::filesystem::path& run) {
    return {read_all(run / "model.safetensors"), read_all(run / "checkpoints/step_12/optimizer.safetensors"),
            timeless_metrics(run)};
  }
};

inline void expect_same_end(const std::filesystem::path& run, const RunEnd& want) {
  const RunEnd end = RunEnd::of(run);
  EXPECT_TRUE(end.model == want.model) << "the weights differ";
  EXPECT_TRUE(end.optimizer == want.optimizer) << "the optimizer's state differs";
  EXPECT_EQ(end.metrics, want.metrics);
}

/// The uninterrupted SmallRun's; computed once.
inline const RunEnd& reference() {
  static const RunEnd once = [] {
    const SmallRun run;
    const Ended ended = run_program("fsc-train", train(run));
    EXPECT_EQ(ended.code, 0) << ended.output;
    return RunEnd::of(run.run());
  }();
  return once;
}
inline void expect_same_end(const SmallRun& run) { expect_same_end(run.run(), reference()); }

}  // namespace fsc::test
