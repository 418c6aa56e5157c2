// fsc-train --submit, and an evaluation in shards.
#include "apps/run_support.h"
#include "support/scoped.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::run_program;
using test::SmallRun;
using test::train;

/// PATH begins with sbatch, which runs the script at once as job 9, and srun.
class Submitted : public ::testing::Test {
 protected:
  Submitted() {
    program("sbatch", "echo \"Submitted batch job 9\"\nSLURM_JOB_ID=9 bash \"$1\"\n");
    program("srun", "while [ \"${1#--}\" != \"$1\" ]; do shift; done\nexec \"$@\"\n");
  }
  void program(const std::string& name, const std::string& text) const {
    fs::permissions(run_.write("bin/" + name, "#!/bin/sh\n" + text), fs::perms::owner_all);
  }
  SmallRun run_;
  const test::ScopedEnv path_ = {"PATH", (run_ / "bin").string() + ":" + ::getenv("PATH")};
};

TEST_F(Submitted, TheJobTrainsWhatWasSubmitted) {
  const Ended shown = run_program("fsc-train", train(run_, {"--submit", "--dry-run", "--nodes", "2", "--time", "1:00:00"}));
  test::expect_ended(shown, 0, {"#SBATCH --nodes=2\n", "#SBATCH --time=\"1:00:00\"\n", "#SBATCH --job-name=\"fsc-run\"\n"});
  EXPECT_FALSE(fs::exists(run_.run())) << "a dry run writes nothing";

  const Ended ended = run_program("fsc-train", train(run_, {"--submit", "--time", "1:00:00", "--set", "slurm.account=me"}));
  test::expect_ended(ended, 0, {"Submitted batch job 9", "submitted " + (run_.run() / "submit.sbatch").string()});
  test::expect_same_end(run_);
  EXPECT_NE(test::read_all((run_.run() / "slurm_starts.tsv").string()).find("9\t0\t0\t"), std::string::npos);
}

TEST_F(Submitted, AnotherSectionIsNoOtherRun) {
  test::expect_ended(run_program("fsc-train", train(run_, {"--set", "train.epochs=2"})), 0);
  const Ended again = run_program("fsc-train", train(run_, {"--resume", "auto", "--set", "slurm.time=2:00:00"}));
  test::expect_ended(again, 0, {"changed since the checkpoint: slurm.time"});
  test::expect_same_end(run_);
}

TEST_F(Submitted, WhatHasNoMeaningIsRefused) {
  test::expect_ended(run_program("fsc-train", train(run_, {"--nodes", "2"})), 2, {"--nodes requires --submit"});
  test::expect_ended(run_program("fsc-train", train(run_, {"--submit", "--resume", "auto"})), 2, {"--resume"});
  test::expect_ended(run_program("fsc-train", train(run_, {"--submit", "--time", "soon"})), 2, {"'soon' is no time limit"});
}

TEST_F(Submitted, PrintGivesAKeysValue) {
  const auto printed = [&](const std::string& key) { return run_program("fsc-train", train(run_, {"--print", key})); };
  test::expect_ended(printed("output.dir"), 0, {run_.run().string() + "\n"});
  test::expect_ended(printed("train.batch_size"), 0, {"4\n"});
  test::expect_ended(printed("output.dri"), 2, {"the config has no key output.dri; did you mean output.dir?"});
}

/// Two checkpoints and a suite of three tasks.
class EvalShards : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    run_ = new SmallRun;
    test::expect_ended(run_program("fsc-train", train(*run_, {"--set", "train.max_steps=2"})), 0);
    std::string pairs;
    for (int i = 0; i < 6; ++i)
      pairs += (i ? ",\n\"" : "{\"") + std::to_string(i) + R"(": {"filename": ")" + SmallRun::image(i) +
               R"(", "caption": "a red cube )" + std::to_string(i) + R"(", "negative_caption": "a blue ball )" +
               std::to_string(i) + "\"}";
    run_->write("pairs/add_att.json", pairs + "}\n");
    run_->write("suite.yaml", "tasks:\n  - {name: retrieval, path: " + (*run_ / "train.tsv").string() +
                                  "}\n  - {name: retrieval, label: few, path: " + few() + "}\n  - {name: caption_choice, path: " +
                                  (*run_ / "pairs/add_att.json").string() + ", images: /}\n");
  }
  static void TearDownTestSuite() { delete run_; }
  static std::string few() {
    const std::string table = SmallRun::table();
    size_t end = 0;
    for (int row = 0; row < 9; ++row) end = table.find('\n', end) + 1;
    return run_->write("few.tsv", table.substr(0, end)).string();
  }
  static Ended eval(const std::string& output, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--checkpoint", (run_->run() / "checkpoints/step_2").string(),
                                          "--checkpoint", run_->run().string(),
                                          "--config",     (*run_ / "suite.yaml").string(),
                                          "--output",     (*run_ / output).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program("fsc-eval", arguments);
  }
  static SmallRun* run_;
};
SmallRun* EvalShards::run_ = nullptr;

TEST_F(EvalShards, TogetherTheySayWhatOneProcessSays) {
  const Ended whole = eval("whole");
  test::expect_ended(whole, 0);
  for (const char* shard : {"2/4", "0/4", "3/4"}) test::expect_ended(eval("parts", {"--shard", shard}), 0);
  EXPECT_FALSE(fs::exists(*run_ / "parts/results.csv"));
  test::expect_ended(eval("parts", {"--merge"}), 1, {"lack", "few of step_2"});
  test::expect_ended(eval("parts", {"--shard", "1/4"}), 0, {"score % by model", "results are in"});
  int compared = 0;
  for (const auto& entry : fs::recursive_directory_iterator(*run_ / "whole")) {
    if (!entry.is_regular_file()) continue;
    const fs::path name = fs::relative(entry.path(), *run_ / "whole");
    EXPECT_EQ(test::read_all((*run_ / "parts" / name).string()), test::read_all(entry.path().string())) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 9) << "results.csv, and results.json and three files of predictions for each checkpoint";

  test::expect_ended(eval("parts", {"--merge", "--precision", "amp_bf16"}), 1, {"another suite or --precision"});
  fs::copy(*run_ / "parts/shards/1_of_4", *run_ / "parts/shards/1_of_2", fs::copy_options::recursive);
  test::expect_ended(eval("parts", {"--merge"}), 1, {"few of step_2 is twice there"});
}

TEST_F(EvalShards, ANumberThatIsNoneIsNamed) {
  for (const char* shard : {"4/4", "1", "x/2", "-1/2", "0/0"})
    test::expect_ended(eval("bad", {"--shard", shard}), 2, {std::string("--shard ") + shard + " is not I/N"});
}

}  // namespace
}  // namespace fsc
