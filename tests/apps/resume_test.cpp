// Runs that are killed, stopped or hit a full disk, and go on: the same bytes as a run that was never stopped.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/golden.h"
#include "support/process.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::Process;
using test::read_all;
using test::SmallRun;

std::vector<std::string> train(const SmallRun& run, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"--config", run / "config.yaml"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

int steps_logged(const fs::path& run) {
  std::ifstream file(run / "metrics.jsonl");
  int lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  return lines;
}

/// The lines of metrics.jsonl without what a clock measures.
std::vector<std::string> timeless_metrics(const fs::path& run) {
  std::vector<std::string> all;
  std::ifstream file(run / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) {
    auto json = nlohmann::json::parse(line);
    for (const char* key : {"samples_per_second", "data_seconds", "step_seconds"}) json.erase(key);
    all.push_back(json.dump());
  }
  return all;
}

/// What the uninterrupted run ends with; computed once.
struct Reference {
  std::string model, optimizer;
  std::vector<std::string> metrics;
};
const Reference& reference() {
  static const Reference once = [] {
    const SmallRun run;
    const Ended ended = test::run_program("fsc-train", train(run));
    EXPECT_EQ(ended.code, 0) << ended.output;
    return Reference{read_all(run.run() / "model.safetensors"), read_all(run.run() / "checkpoints/step_12/optimizer.safetensors"),
                     timeless_metrics(run.run())};
  }();
  return once;
}

void expect_same_end(const SmallRun& run) {
  EXPECT_EQ(read_all(run.run() / "model.safetensors") == reference().model, true) << "the weights differ";
  EXPECT_EQ(read_all(run.run() / "checkpoints/step_12/optimizer.safetensors") == reference().optimizer, true) << "the optimizer's state differs";
  EXPECT_EQ(timeless_metrics(run.run()), reference().metrics);
}

/// Waits until the run has logged `steps` steps (or ended).
void wait_for_steps(Process& process, const SmallRun& run, int steps) {
  while (process.runs() && steps_logged(run.run()) < steps) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(Training, TwiceTheSameBytes) {
  const SmallRun run;
  const Ended ended = test::run_program("fsc-train", train(run, {"--set", "data.workers=5", "--set", "data.prefetch=1"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  expect_same_end(run);
}

TEST(Training, AccumulationFollowsTheBigBatch) {
  const SmallRun run;
  const Ended ended = test::run_program("fsc-train", train(run, {"--set", "train.batch_size=2", "--set", "train.accum_freq=2"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  const auto lines = timeless_metrics(run.run());
  ASSERT_EQ(lines.size(), reference().metrics.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto got = nlohmann::json::parse(lines[i]), want = nlohmann::json::parse(reference().metrics[i]);
    EXPECT_EQ(got["samples"], want["samples"]);
    for (const char* key : {"loss", "clip_loss", "global_hn_loss", "local_hn_loss", "grad_norm"})
      EXPECT_NEAR(got[key].get<double>(), want[key].get<double>(), 1e-3 * (1 + want[key].get<double>())) << key << " of step " << i + 1;
  }
}

class Killed : public testing::TestWithParam<int> {};

TEST_P(Killed, ResumesToTheSameBytes) {
  const SmallRun run;
  {
    Process process("fsc-train", train(run));
    wait_for_steps(process, run, GetParam());
    std::this_thread::sleep_for(std::chrono::milliseconds(GetParam() * 3 % 7));
    process.send(SIGKILL);
    EXPECT_EQ(process.wait().code, -SIGKILL);
  }
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto", "--set", "data.workers=3"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  expect_same_end(run);
}
INSTANTIATE_TEST_SUITE_P(AtStep, Killed, testing::Values(1, 3, 5, 8, 11));

class Signalled : public testing::TestWithParam<int> {};

TEST_P(Signalled, SavesExits75AndGoesOn) {
  const SmallRun run;
  {
    Process process("fsc-train", train(run, {"--set", "output.save_every_steps=0"}));
    wait_for_steps(process, run, 4);
    process.send(GetParam());
    const Ended ended = process.wait();
    ASSERT_EQ(ended.code, 75) << ended.output;
    EXPECT_NE(ended.output.find("--resume auto"), std::string::npos) << ended.output;
  }
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  expect_same_end(run);
}
INSTANTIATE_TEST_SUITE_P(By, Signalled, testing::Values(SIGTERM, SIGINT, SIGUSR1));

TEST(Resume, DamagedNewestCheckpointFallsBack) {
  const SmallRun run;
  ASSERT_EQ(test::run_program("fsc-train", train(run)).code, 0);
  fs::resize_file(run.run() / "checkpoints/step_12/optimizer.safetensors", 1000);
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_NE(ended.output.find("step_12"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("going on from"), std::string::npos) << ended.output;
  expect_same_end(run);
}

TEST(Resume, ACompleteRunStaysComplete) {
  const SmallRun run;
  ASSERT_EQ(test::run_program("fsc-train", train(run)).code, 0);
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  expect_same_end(run);
}

TEST(Resume, ChangedConfigAndTableAreRefused) {
  const SmallRun run;
  ASSERT_EQ(test::run_program("fsc-train", train(run, {"--set", "output.save_every_epochs=1"})).code, 0);
  const Ended config = test::run_program("fsc-train", train(run, {"--resume", "auto", "--set", "optim.lr=0.5"}));
  EXPECT_EQ(config.code, 2) << config.output;
  EXPECT_NE(config.output.find("optim.lr: 0.001 -> 0.5"), std::string::npos) << config.output;
  run.write("train.tsv", SmallRun::table() + "one more\t" + SmallRun::image(0) + "\t[]\n");
  const Ended table = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  EXPECT_EQ(table.code, 2) << table.output;
  EXPECT_NE(table.output.find("train.tsv: 24 rows"), std::string::npos) << table.output;
  EXPECT_NE(table.output.find("-> 25 rows"), std::string::npos) << table.output;
}

TEST(Resume, AnotherArchitectureIsRefused) {
  const SmallRun run;
  ASSERT_EQ(test::run_program("fsc-train", train(run, {"--set", "train.max_steps=2"})).code, 0);
  const std::string wider = R"({"embed_dim": 32, "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
 "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}, "quick_gelu": true})";
  run.write("model.json", wider);
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto", "--set", "train.max_steps=2"}));
  EXPECT_EQ(ended.code, 2) << ended.output;
  EXPECT_NE(ended.output.find("embed_dim 16 against 32"), std::string::npos) << ended.output;
}

TEST(Training, FullDiskLeavesNoHalfCheckpoint) {
  const SmallRun run;
  const Ended ended = test::run_program("fsc-train", train(run), 2'000'000);
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_NE(ended.output.find("free space"), std::string::npos) << ended.output;
  EXPECT_FALSE(fs::exists(run.run() / "checkpoints/step_2"));
  const Ended again = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(again.code, 0) << again.output;
  expect_same_end(run);
}

TEST(Training, FullDiskInTheMiddleOfARun) {
  const SmallRun run;
  {
    Process process("fsc-train", train(run));
    wait_for_steps(process, run, 3);
    process.send(SIGTERM);
    ASSERT_EQ(process.wait().code, 75);
  }
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto"}), 2'000'000);
  EXPECT_EQ(ended.code, 1) << ended.output;
  const Ended again = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(again.code, 0) << again.output;
  expect_same_end(run);
}

}  // namespace
}  // namespace fsc
