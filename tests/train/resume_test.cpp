// Who may start in a run folder, and what may differ when a run goes on.
#include <gtest/gtest.h>

#include <filesystem>

#include "fsc/config/config.h"
#include "fsc/core/error.h"
#include "support/small_run.h"
#include "train/detail_resume.h"

namespace fsc {
namespace {
using namespace detail;
namespace fs = std::filesystem;

RunConfig load(const test::SmallRun& run, const std::vector<std::string>& overrides = {}) {
  return config::load<RunConfig>(run / "config.yaml", overrides);
}

Checkpoint checkpoint_of(RunConfig config) {
  Checkpoint checkpoint;
  checkpoint.folder = "run/checkpoints/step_4";
  checkpoint.config_yaml = config::to_yaml(config::fields_of(config));
  checkpoint.data_fingerprint = "0123456789abcdef";
  return checkpoint;
}

template <class F>
std::string usage_error(F&& f) {
  try {
    f();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(RunFolder, OneProcessAtATime) {
  const test::SmallRun run;
  {
    const RunFolder first(run.run(), true);
    EXPECT_THROW(RunFolder(run.run(), true), Error);
  }
  EXPECT_NO_THROW(RunFolder(run.run(), true));
}

TEST(RunFolder, AnotherRunIsNotOverwritten) {
  const test::SmallRun run;
  run.write("run/metrics.jsonl", "");
  EXPECT_THROW(RunFolder(run.run(), true), Error);
  EXPECT_NO_THROW(RunFolder(run.run(), false));
  run.write("a_file", "");
  EXPECT_THROW(RunFolder(run / "a_file", true), Error);
}

TEST(RunFolder, ClearsWhatAKilledProcessLeft) {
  const test::SmallRun run;
  run.write("run/.config.yaml.tmp12", "half");
  run.write("run/checkpoints/.step_4.tmp12/model.safetensors", "half");
  run.write("run/checkpoints/step_2/model.safetensors", "whole");
  const RunFolder folder(run.run(), false);
  EXPECT_FALSE(fs::exists(run / "run/.config.yaml.tmp12"));
  EXPECT_FALSE(fs::exists(run / "run/checkpoints/.step_4.tmp12"));
  EXPECT_TRUE(fs::exists(run / "run/checkpoints/step_2/model.safetensors"));
}

TEST(Resume, HarmlessChangesPass) {
  const test::SmallRun run;
  const auto checkpoint = checkpoint_of(load(run));
  EXPECT_NO_THROW(check_same_config(load(run, {"output.log_every_steps=5", "data.workers=7", "data.prefetch=1",
                                               "output.keep_last=1", "train.kernels=reference"}),
                                    checkpoint));
  EXPECT_NO_THROW(check_same_config(load(run, {"train.verify_kernels=100"}), checkpoint));
}

TEST(Resume, ChangesOfTheResultAreRefusedAsADiff) {
  const test::SmallRun run;
  const auto checkpoint = checkpoint_of(load(run));
  const auto text = usage_error([&] {
    check_same_config(load(run, {"optim.lr=0.01", "train.seed=8", "data.augment=none", "data.workers=7"}), checkpoint);
  });
  EXPECT_NE(text.find("optim.lr: 0.001 -> 0.01"), std::string::npos) << text;
  EXPECT_NE(text.find("train.seed: 7 -> 8"), std::string::npos) << text;
  EXPECT_NE(text.find("data.augment"), std::string::npos) << text;
  EXPECT_EQ(text.find("data.workers"), std::string::npos) << text;
}

TEST(Resume, AnotherTableIsRefused) {
  const test::SmallRun run;
  const auto checkpoint = checkpoint_of(load(run));
  EXPECT_NO_THROW(check_same_data(load(run), checkpoint, "0123456789abcdef"));
  EXPECT_NE(usage_error([&] { check_same_data(load(run), checkpoint, "fedcba9876543210"); }).find("train.tsv"),
            std::string::npos);
}

TEST(Resume, KnowsWhetherItGoesOnInPlace) {
  const test::SmallRun run;
  EXPECT_TRUE(resumes_in_place(run.run(), "auto"));
  EXPECT_TRUE(resumes_in_place(run.run(), run.run()));
  EXPECT_TRUE(resumes_in_place(run.run(), run / "run/checkpoints/step_4"));
  EXPECT_FALSE(resumes_in_place(run.run(), ""));
  EXPECT_FALSE(resumes_in_place(run.run(), run / "run2/checkpoints/step_4"));
}

TEST(Resume, NamedFolderMustHaveACheckpoint) {
  const test::SmallRun run;
  EXPECT_THROW(checkpoint_to_resume(load(run), {.resume = run / "nowhere"}), Error);
  fs::create_directories(run / "empty");
  EXPECT_THROW(checkpoint_to_resume(load(run), {.resume = run / "empty"}), Error);
  EXPECT_FALSE(checkpoint_to_resume(load(run), {.resume = "auto"}).has_value());
  EXPECT_FALSE(checkpoint_to_resume(load(run), {}).has_value());
}

}  // namespace
}  // namespace fsc
