// The commands that README.md gives its readers.
#pragma once
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "support/golden.h"

namespace fsc::test {

/// Beginnings of README.md's indented lines that are no commands for a shell: what programs print, and Python.
inline const std::vector<std::string> kNoCommands = {"score % by model", "quickstart/", "(chance)",
                                                     "guard:", "model, _, preprocess"};
/// Commands that a test cannot run: tests are part of the first, the last needs a cluster, the others fetch gigabytes.
inline const std::vector<std::string> kNotRun = {"scripts/test", "mkdir -p data/", "wget ", "unzip ", "cd ../..", "sbatch "};
/// Commands that tests run.
inline const std::vector<std::string> kRun = {"scripts/quickstart", "build/release/bin/", "cmake ", "FSC_ASSETS_DIR=assets "};

inline bool begins_with_one_of(const std::string& line, const std::vector<std::string>& beginnings) {
  for (const auto& beginning : beginnings)
    if (line.starts_with(beginning)) return true;
  return false;
}

/// The commands of README.md that begin with one of `beginnings`, in order, without the remarks behind them; continued lines are
/// one. A line that belongs to none of the lists above fails the test.
inline std::vector<std::string> readme_commands(const std::vector<std::string>& beginnings) {
  std::vector<std::string> commands;
  std::istringstream readme(read_all(FSC_SOURCE_DIR "/README.md"));
  for (std::string line; std::getline(readme, line);) {
    if (!line.starts_with("    ")) continue;
    line.erase(0, line.find_first_not_of(' '));
    for (std::string next; line.ends_with('\\') && std::getline(readme, next);)
      line.replace(line.size() - 1, 1, next.substr(next.find_first_not_of(' ')));
    line = line.substr(0, line.find("  "));
    if (begins_with_one_of(line, kNoCommands) || begins_with_one_of(line, kNotRun)) continue;
    EXPECT_TRUE(begins_with_one_of(line, kRun)) << "README.md has a line that tests/examples/readme.h does not know: " << line;
    if (begins_with_one_of(line, beginnings)) commands.push_back(line);
  }
  return commands;
}

}  // namespace fsc::test
