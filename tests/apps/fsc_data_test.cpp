// fsc-data's command line: exit codes and messages.
#include <gtest/gtest.h>

#include <filesystem>

#include "support/process.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::expect_ended;
using test::run_program;

TEST(FscData, DrawsAWorldOnceAndSaysSo) {
  test::TempDir dir;
  const std::string out = (dir / "world").string();
  const std::vector<std::string> command = {"synth", "--out", out, "--seed", "3", "--train", "20", "--size", "32"};
  expect_ended(run_program("fsc-data", command), 0, {"20 training images", "held out", out + "/examples.png"});
  EXPECT_TRUE(fs::exists(dir / "world/train.tsv"));
  expect_ended(run_program("fsc-data", command), 0, {"already"});
}

TEST(FscData, HelpNamesEveryOption) {
  expect_ended(run_program("fsc-data", {"--help"}), 0, {"synth"});
  expect_ended(run_program("fsc-data", {"synth", "--help"}), 0, {"--out", "--seed", "--train", "8000", "--size", "64"});
}

TEST(FscData, MistakesOnTheCommandLineEndWithTwo) {
  test::TempDir dir;
  const std::string out = (dir / "world").string();
  expect_ended(run_program("fsc-data", {}), 2, {"subcommand"});
  expect_ended(run_program("fsc-data", {"paint"}), 2, {});
  expect_ended(run_program("fsc-data", {"synth"}), 2, {"--out"});
  expect_ended(run_program("fsc-data", {"synth", "--out", out, "--train", "many"}), 2, {"--train", "many"});
  expect_ended(run_program("fsc-data", {"synth", "--out", out, "--train", "0"}), 2, {"train", "0"});
  expect_ended(run_program("fsc-data", {"synth", "--out", out, "--size", "8"}), 2, {"size", "8", "32"});
  expect_ended(run_program("fsc-data", {"synth", "--out", out, "--seed", "-1"}), 2, {"--seed"});
  EXPECT_FALSE(fs::exists(dir / "world"));
}

TEST(FscData, FoldersItCannotUseEndWithOne) {
  test::TempDir dir;
  dir.write("file", "x");
  dir.write("full/note.txt", "mine");
  const auto synth = [&](const std::string& name) {
    return run_program("fsc-data", {"synth", "--out", (dir / name).string(), "--train", "5", "--size", "32"});
  };
  expect_ended(synth("file"), 1, {"file", "--out"});
  expect_ended(synth("full"), 1, {"full", "not empty"});
  expect_ended(synth("file/world"), 1, {"file"});
  expect_ended(run_program("fsc-data", {"synth", "--out", "/proc/world", "--train", "5", "--size", "32"}), 1, {"/proc"});
}

TEST(FscData, AFullDiskIsAMessageAndLeavesNothing) {
  test::TempDir dir;
  const auto ended = run_program("fsc-data", {"synth", "--out", (dir / "world").string(), "--train", "200", "--size", "32"},
                                 {.file_size = 4096});
  expect_ended(ended, 1, {"cannot write"});
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

}  // namespace
}  // namespace fsc
