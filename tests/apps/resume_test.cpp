// Runs that are killed, stopped or hit a full disk, and go on: the same bytes as a run that was never stopped.
#include <set>

#include "apps/run_support.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::expect_same_end;
using test::Process;
using test::reference;
using test::SmallRun;
using test::timeless_metrics;
using test::train;
using test::wait_for_steps;

/// Cuts a file of a checkpoint short.
void damage(const SmallRun& run, const std::string& checkpoint) {
  fs::resize_file(run.run() / "checkpoints" / checkpoint / "optimizer.safetensors", 1000);
}

/// Waits until the run has saved a step (or ended); metrics.jsonl may hold later steps of an earlier time.
void wait_for_save(Process& process, int step) {
  const std::string line = "checkpoints/step_" + std::to_string(step) + " in ";
  while (process.runs() && process.output().find(line) == std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::set<std::string> checkpoints_of(const SmallRun& run) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(run.run() / "checkpoints")) names.insert(entry.path().filename().string());
  return names;
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
      EXPECT_NEAR(got[key].get<double>(), want[key].get<double>(), 1e-3 * (1 + want[key].get<double>()))
          << key << " of step " << i + 1;
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
  damage(run, "step_12");
  // Interrupted right after its next save: what it went on from, and what it has saved since, must both be worth something.
  {
    Process process("fsc-train",
                    train(run, {"--resume", "auto", "--set", "output.keep_last=1", "--set", "output.save_every_steps=1"}));
    wait_for_save(process, 11);
    process.send(SIGKILL);
    const Ended ended = process.wait();
    EXPECT_NE(ended.output.find("going on from"), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find("step_12.damaged; nothing deletes it"), std::string::npos) << ended.output;
  }
  EXPECT_EQ(checkpoints_of(run).count("step_12.damaged"), 1u);
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto", "--set", "output.keep_last=1"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  expect_same_end(run);
  EXPECT_EQ(checkpoints_of(run), (std::set<std::string>{"step_12", "step_12.damaged"}));
}

TEST(Resume, ADamagedNewestIsNotCountedAmongThoseKept) {
  const SmallRun run;
  ASSERT_EQ(test::run_program("fsc-train", train(run, {"--set", "output.keep_last=0"})).code, 0);
  for (const char* name : {"step_8", "step_10", "step_12"}) damage(run, name);
  {
    Process process("fsc-train",
                    train(run, {"--resume", "auto", "--set", "output.keep_last=1", "--set", "output.save_every_steps=1"}));
    wait_for_save(process, 8);
    process.send(SIGTERM);
    const int code = process.wait().code;
    EXPECT_TRUE(code == 75 || code == 0) << code;
  }
  std::set<std::string> whole;
  for (const auto& name : checkpoints_of(run))
    if (!name.ends_with(".damaged")) whole.insert(name);
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_GE(std::stoi(whole.begin()->substr(5)), 7) << "the newest whole one is kept, not one of those gone on from";
  for (const char* name : {"step_8.damaged", "step_10.damaged", "step_12.damaged"})
    EXPECT_EQ(checkpoints_of(run).count(name), 1u) << name;
  ASSERT_EQ(test::run_program("fsc-train", train(run, {"--resume", "auto"})).code, 0);
  expect_same_end(run);
}

TEST(Resume, FromAnOlderCheckpointTheLaterOnesAreSetAside) {
  const SmallRun run;
  ASSERT_EQ(test::run_program("fsc-train", train(run, {"--set", "output.keep_last=0"})).code, 0);
  const std::string from = (run.run() / "checkpoints/step_4").string(), left = "left_at_step_4";
  {
    Process process("fsc-train",
                    train(run, {"--resume", from, "--set", "output.keep_last=1", "--set", "output.save_every_steps=1"}));
    wait_for_save(process, 7);
    process.send(SIGKILL);
    EXPECT_NE(process.wait().output.find(left), std::string::npos);
  }
  const auto names = checkpoints_of(run);
  EXPECT_EQ(names.count(left), 1u);
  EXPECT_EQ(names.count("step_12") + names.count("step_10") + names.count("step_8"), 0u) << "stale ones would be what auto takes";
  for (const char* name : {"step_6", "step_8", "step_10", "step_12", "metrics.jsonl"})
    EXPECT_TRUE(fs::exists(run.run() / "checkpoints" / left / name)) << name;
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto", "--set", "output.keep_last=1"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  expect_same_end(run);
  // What was set aside can still be gone on from.
  const Ended again =
      test::run_program("fsc-train", train(run, {"--resume", (run.run() / "checkpoints" / left / "step_8").string()}));
  ASSERT_EQ(again.code, 0) << again.output;
  EXPECT_TRUE(fs::exists(run.run() / "checkpoints/left_at_step_8/step_12"));
  EXPECT_TRUE(test::read_all(run.run() / "model.safetensors") == reference().model);
}

TEST(Resume, FromAnotherRunBeginsWithACheckpointOfItsOwn) {
  const SmallRun run;
  ASSERT_EQ(test::run_program("fsc-train", train(run, {"--set", "output.keep_last=0"})).code, 0);
  const std::string elsewhere = (run / "elsewhere").string(), from = (run.run() / "checkpoints/step_9999").string();
  fs::copy(run.run() / "checkpoints/step_10", from, fs::copy_options::recursive);  // its name does not matter, what it holds does
  Process process("fsc-train",
                  train(run, {"--resume", from, "--set", "output.dir=" + elsewhere, "--set", "output.save_every_steps=0"}));
  while (process.runs() && !fs::exists(elsewhere + "/checkpoints/step_10"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  process.send(SIGKILL);
  process.wait();
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto", "--set", "output.dir=" + elsewhere}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_NE(ended.output.find("going on from"), std::string::npos) << ended.output;
  EXPECT_TRUE(test::read_all(elsewhere + "/model.safetensors") == reference().model);
}

TEST(Resume, ACompleteRunStaysComplete) {
  const SmallRun run;
  ASSERT_EQ(test::run_program("fsc-train", train(run)).code, 0);
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_NE(ended.output.find("the run was complete already: 12 steps"), std::string::npos) << ended.output;
  EXPECT_EQ(ended.output.find("saved "), std::string::npos) << "no step was run again: " << ended.output;
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
  const std::string wider =
      R"({"embed_dim": 32, "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16},
 "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2}, "quick_gelu": true})";
  run.write("model.json", wider);
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto", "--set", "train.max_steps=2"}));
  EXPECT_EQ(ended.code, 2) << ended.output;
  EXPECT_NE(ended.output.find("embed_dim 16 against 32"), std::string::npos) << ended.output;
}

TEST(Training, FullDiskLeavesNoHalfCheckpoint) {
  const SmallRun run;
  const Ended ended = test::run_program("fsc-train", train(run), {.file_size = 2'000'000});
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
  const Ended ended = test::run_program("fsc-train", train(run, {"--resume", "auto"}), {.file_size = 2'000'000});
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_NE(ended.output.find("free space"), std::string::npos) << ended.output;
  const Ended again = test::run_program("fsc-train", train(run, {"--resume", "auto"}));
  ASSERT_EQ(again.code, 0) << again.output;
  expect_same_end(run);
}

}  // namespace
}  // namespace fsc
