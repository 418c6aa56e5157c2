// LoRA, locked towers and the average of the weights, from the command line: training, going on, evaluation, merging.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/run_support.h"
#include "fsc/io/safetensors.h"
#include "support/golden.h"
#include "support/process.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::expect_ended;
using test::Process;
using test::read_all;
using test::run_program;
using test::SmallRun;
using test::train;

using Arguments = std::vector<std::string>;

/// Everything that draws, averages or recomputes, at once.
const Arguments kEverything = {"--set", "model.lora.rank=2",     "--set", "model.lora.dropout=0.2",
                               "--set", "train.ema_decay=0.8",   "--set", "train.batch_size=2",
                               "--set", "train.accum_freq=2",    "--set", "train.grad_checkpointing=image",
                               "--set", "model.lock_image=true", "--set", "model.lock_image_unlocked_blocks=1"};
const Arguments kPlainLocked = {"--set", "model.lock_text=true",        "--set", "train.ema_decay=0.8",
                                "--set", "optim.image.layer_decay=0.7", "--set", "optim.image.lr_scale=0.5"};

void wait_for_checkpoint(Process& process, const fs::path& run) {
  while (process.runs() && !fs::exists(run / "checkpoints/step_2/state.json")) ::usleep(1000);
}

/// Trains without and with an interruption; the results' files must be the same bytes.
void expect_resumes_to_the_same_bytes(const Arguments& options, const char* weights) {
  const SmallRun whole, broken;
  expect_ended(run_program("fsc-train", train(whole, options)), 0);
  {
    Process process("fsc-train", train(broken, options));
    wait_for_checkpoint(process, broken.run());
    process.send(SIGKILL);
    EXPECT_EQ(process.wait().code, -SIGKILL);
  }
  Arguments again = options;
  again.insert(again.end(), {"--resume", "auto"});
  expect_ended(run_program("fsc-train", train(broken, again)), 0, {"going on from"});
  const std::string file_name = weights;
  for (const std::string& file :
       {file_name, "ema/" + file_name, "checkpoints/step_12/" + file_name, std::string("checkpoints/step_12/ema.safetensors"),
        std::string("checkpoints/step_12/optimizer.safetensors")})
    EXPECT_TRUE(read_all((whole.run() / file).string()) == read_all((broken.run() / file).string())) << file;
}

TEST(LoraResume, ResumesToTheSameBytes) { expect_resumes_to_the_same_bytes(kEverything, "lora.safetensors"); }
TEST(LockedRun, ResumesToTheSameBytes) { expect_resumes_to_the_same_bytes(kPlainLocked, "model.safetensors"); }

TEST(LockedRun, FrozenTensorsAndTheirStateAreNotThere) {
  const SmallRun run;
  Arguments short_run = kPlainLocked;
  short_run.insert(short_run.end(), {"--set", "train.max_steps=2"});
  expect_ended(run_program("fsc-train", train(run, short_run)), 0, {"trained: "});
  const StateDict optimizer = read_safetensors(run.run() / "checkpoints/step_2/optimizer.safetensors");
  const StateDict average = read_safetensors(run.run() / "checkpoints/step_2/ema.safetensors");
  const StateDict model = read_safetensors(run.run() / "model.safetensors");
  for (const auto& [name, tensor] : model.entries()) {
    const bool trained = name.starts_with("visual.") || name == "logit_scale";
    EXPECT_EQ(optimizer.find("exp_avg." + name) != nullptr, trained) << name;
    EXPECT_EQ(average.find(name) != nullptr, trained) << name;
  }
}

class LoraRun : public testing::Test {
 protected:
  static const SmallRun& run() {  // trained once: on a base of its own, a run of one step
    static const SmallRun run;
    static const bool once = [] {
      expect_ended(run_program("fsc-train", train(run, {"--set", "train.max_steps=1", "--set", "output.dir=" + base(run)})), 0);
      expect_ended(run_program("fsc-train", train(run, options(run))), 0, {"LoRA of rank 2"});
      return true;
    }();
    EXPECT_TRUE(once);
    return run;
  }
  static std::string base(const SmallRun& run) { return run / "base"; }
  static Arguments options(const SmallRun& run) {
    return {"--set", "model.lora.rank=2",   "--set", "model.pretrained=" + base(run),
            "--set", "train.ema_decay=0.5", "--set", "optim.lr=0.01"};
  }
};

TEST_F(LoraRun, HoldsNoCopyOfItsBase) {
  for (const char* folder : {"", "checkpoints/step_12", "ema"}) {
    EXPECT_TRUE(fs::exists(run().run() / folder / "lora.safetensors")) << folder;
    EXPECT_TRUE(fs::exists(run().run() / folder / "open_clip_config.json")) << folder;
    EXPECT_FALSE(fs::exists(run().run() / folder / "model.safetensors")) << folder;
  }
  const StateDict optimizer = read_safetensors(run().run() / "checkpoints/step_12/optimizer.safetensors");
  const StateDict lora = read_safetensors(run().run() / "lora.safetensors");
  EXPECT_EQ(optimizer.size(), 3 * lora.size());
  EXPECT_LT(fs::file_size(run().run() / "checkpoints/step_12/optimizer.safetensors"),
            fs::file_size(fs::path(base(run())) / "model.safetensors") / 10);
}

TEST_F(LoraRun, MergesIntoAPlainModel) {
  const std::string merged = run() / "merged";
  expect_ended(run_program("fsc-model", {"merge-lora", run().run(), "--output", merged}), 0, {"largest difference"});
  const StateDict plain = read_safetensors(fs::path(merged) / "model.safetensors"),
                  before = read_safetensors(fs::path(base(run())) / "model.safetensors");
  EXPECT_EQ(plain.size(), before.size());
  EXPECT_FALSE(torch::equal(*plain.find("visual.conv1.weight"), *before.find("visual.conv1.weight")));
  EXPECT_TRUE(torch::equal(*plain.find("visual.proj"), *before.find("visual.proj")));
  expect_ended(run_program("fsc-model", {"merge-lora", run().run(), "--output", merged}), 2, {"exists already"});
  expect_ended(run_program("fsc-model", {"merge-lora", base(run()), "--output", run() / "m2"}), 2, {"holds no lora.safetensors"});
  expect_ended(run_program("fsc-model", {"merge-lora", run().run(), "--base", merged, "--output", run() / "m2"}), 1,
               {"is not the base"});
  EXPECT_FALSE(fs::exists(run() / "m2"));
}

TEST_F(LoraRun, IsEvaluatedAsItsMergedModel) {
  const std::string suite =
      run().write("suite.yaml", "tasks: [{name: retrieval, path: " + (run() / "train.tsv").string() + "}]\n");
  const auto results = [&](const fs::path& checkpoint) {
    const fs::path out = run() / "eval";
    expect_ended(run_program("fsc-eval", {"--checkpoint", checkpoint, "--config", suite, "--output", out}), 0);
    return nlohmann::json::parse(read_all((out / "results.json").string()))["tasks"].dump();
  };
  const std::string merged = run() / "merged for eval";
  expect_ended(run_program("fsc-model", {"merge-lora", run().run(), "--output", merged}), 0);
  EXPECT_EQ(results(run().run()), results(merged));
  results(run().run() / "ema");
  results(run().run() / "checkpoints/step_12");
}

TEST_F(LoraRun, IsWhatAnotherRunStartsFrom) {
  expect_ended(run_program("fsc-train", train(run(), {"--set", "model.pretrained=" + run().run().string(), "--set",
                                                      "train.max_steps=1", "--set", "output.dir=" + (run() / "next").string()})),
               0);
  EXPECT_TRUE(fs::exists(run() / "next/model.safetensors"));
}

TEST_F(LoraRun, GoesOnWhereItsBaseIsNow) {
  const SmallRun mine;
  const Arguments first = options(mine);
  expect_ended(run_program("fsc-train", train(mine, {"--set", "train.max_steps=1", "--set", "output.dir=" + base(mine)})), 0);
  {
    Process process("fsc-train", train(mine, first));
    wait_for_checkpoint(process, mine.run());
    process.send(SIGTERM);
    ASSERT_EQ(process.wait().code, 75);
  }
  const std::string moved = mine / "moved";
  fs::rename(base(mine), moved);
  Arguments again = first;
  again.insert(again.end(), {"--resume", "auto"});
  expect_ended(run_program("fsc-train", train(mine, again)), 1, {base(mine)});
  again.insert(again.end(), {"--set", "model.pretrained=" + moved});
  expect_ended(run_program("fsc-train", train(mine, again)), 0, {"going on from"});
  expect_ended(run_program("fsc-model", {"merge-lora", mine.run(), "--output", mine / "merged"}),
               0);  // the last start's place is recorded
}

TEST(LoraRunBadInput, AnotherBaseIsRefusedOnResume) {
  const SmallRun run;
  const Arguments lora = {"--set", "model.lora.rank=2"};
  expect_ended(
      run_program("fsc-train", train(run, {"--set", "train.max_steps=1", "--set", "output.dir=" + (run / "other").string()})), 0);
  {
    Process process("fsc-train", train(run, lora));
    wait_for_checkpoint(process, run.run());
    process.send(SIGTERM);
    ASSERT_EQ(process.wait().code, 75);
  }
  Arguments again = lora;
  again.insert(again.end(), {"--resume", "auto", "--set", "model.pretrained=" + (run / "other").string()});
  expect_ended(run_program("fsc-train", train(run, again)), 1, {"is not the base"});
}

TEST(LoraRunBadInput, BadValuesAreAllNamed) {
  const SmallRun run;
  expect_ended(run_program("fsc-train", train(run, {"--set", "model.lora.rank=-1", "--set", "train.ema_decay=1", "--set",
                                                    "optim.text.layer_decay=0"})),
               2, {"model.lora.rank", "train.ema_decay", "optim.text.layer_decay"});
  expect_ended(
      run_program("fsc-train", train(run, {"--set", "model.lora.dropout=0.1", "--set", "model.lock_text_unlocked_blocks=1"})), 2,
      {"model.lora.dropout: has no effect", "model.lock_text_unlocked_blocks: has no effect"});
  expect_ended(run_program("fsc-train", train(run, {"--set", "model.lora.rank=2", "--set", "model.lora.targets=[liner]"})), 2,
               {"did you mean linear"});
  expect_ended(
      run_program("fsc-train", train(run, {"--set", "model.lock_image=true", "--set", "model.lock_image_unlocked_blocks=3"})), 2,
      {"model.lock_image_unlocked_blocks: 3 is more than the 2 blocks"});
  expect_ended(run_program("fsc-train", train(run, {"--set", "model.lora.alpah=2"})), 2, {"model.lora.alpha"});
}

TEST(LoraRunBadInput, ChangedLoraIsRefusedOnResume) {
  const SmallRun run;
  const Arguments two_steps = {"--set", "train.max_steps=2", "--resume", "auto"};
  const auto with = [&](const std::string& rank) {
    Arguments arguments = two_steps;
    arguments.insert(arguments.end(), {"--set", "model.lora.rank=" + rank});
    return train(run, arguments);
  };
  expect_ended(run_program("fsc-train", with("2")), 0);
  expect_ended(run_program("fsc-train", with("4")), 2, {"model.lora.rank: 2 -> 4"});
  expect_ended(run_program("fsc-train", with("0")), 2, {"model.lora.rank: 2 -> 0"});
}

}  // namespace
}  // namespace fsc
