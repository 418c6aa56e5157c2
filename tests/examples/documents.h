// The commands that README.md and the pages of docs/ give their readers.
#pragma once
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "fsc/core/atomic_file.h"

namespace fsc::test {

/// Commands that a test cannot run: tests are part of the first, others need a cluster, a debugger, a network, root or gigabytes.
inline const std::vector<std::string> kNotRun = {"scripts/test", "scripts/dev/",   "scripts/setup", "pip install",
                                                 "conda ",       "mkdir -p data/", "wget ",         "unzip ",
                                                 "cd ../..",     "sbatch ",        "gdb -p "};
/// Commands that tests run.
inline const std::vector<std::string> kRun = {
    "scripts/quickstart", "build/release/bin/", "cmake ", "FSC_ASSETS_DIR=assets ", "grep ", "head ", "tail ", "diff ",
    "sha256sum ",         "cut_times() "};

inline bool begins_with_one_of(const std::string& line, const std::vector<std::string>& beginnings) {
  for (const auto& beginning : beginnings)
    if (line.starts_with(beginning)) return true;
  return false;
}

/// The commands of `page` that tests run, in order, without the remarks behind them: its indented lines outside of ```; continued
/// lines are one. A line that belongs to neither of the lists above fails the test.
inline std::vector<std::string> commands_of(const std::string& page) {
  std::vector<std::string> commands;
  std::istringstream text(read_file(FSC_SOURCE_DIR "/" + page));
  bool fenced = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```")) fenced = !fenced;
    if (fenced || !line.starts_with("    ")) continue;
    line.erase(0, line.find_first_not_of(' '));
    for (std::string next; line.ends_with('\\') && std::getline(text, next);)
      line.replace(line.size() - 1, 1, next.substr(next.find_first_not_of(' ')));
    line = line.substr(0, line.find("  "));
    if (begins_with_one_of(line, kNotRun)) continue;
    EXPECT_TRUE(begins_with_one_of(line, kRun)) << page << " has a line that tests/examples/documents.h does not know: " << line;
    commands.push_back(line);
  }
  return commands;
}

}  // namespace fsc::test
