// The place of a process, from the environments that launchers make.
#include "fsc/dist/layout.h"

#include <map>

#include "support/expect_error.h"

namespace fsc {
namespace {

using Given = std::map<std::string, std::string>;

Layout layout_of(const Given& given, const DistributedConfig& config = {}) {
  return find_layout(config, [&](const char* name) -> std::optional<std::string> {
    const auto found = given.find(name);
    if (found == given.end() || found->second.empty()) return std::nullopt;
    return found->second;
  });
}

const Given kTorchrun = {
    {"RANK", "3"},           {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "2"}, {"MASTER_ADDR", "node01"},
    {"MASTER_PORT", "29500"}};
const Given kSlurm = {{"SLURM_PROCID", "5"},
                      {"SLURM_STEP_NUM_TASKS", "7"},
                      {"SLURM_LOCALID", "1"},
                      {"SLURM_NODEID", "2"},
                      {"SLURM_STEP_TASKS_PER_NODE", "2(x2),3"},
                      {"SLURM_STEP_NODELIST", "node[01-03]"},
                      {"SLURM_JOB_ID", "123456"},
                      {"SLURM_NTASKS", "7"}};

Given with(Given given, const Given& more) {
  for (const auto& [name, value] : more) given[name] = value;
  return given;
}

TEST(FindLayout, AloneWithoutALauncher) {
  const auto layout = layout_of({});
  EXPECT_EQ(layout.launcher, Launcher::kNone);
  EXPECT_TRUE(layout.alone() && layout.is_first());
  // A batch script's own shell has these two, and is one process.
  EXPECT_TRUE(layout_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_JOB_ID", "7"}}).alone());
}

TEST(FindLayout, Torchrun) {
  const auto layout = layout_of(with(kTorchrun, {{"TORCHELASTIC_USE_AGENT_STORE", "True"}, {"TORCHELASTIC_RESTART_COUNT", "2"}}));
  EXPECT_EQ(layout.launcher, Launcher::kTorchrun);
  EXPECT_EQ(layout.rank, 3);
  EXPECT_EQ(layout.size, 4);
  EXPECT_EQ(layout.local_rank, 1);
  EXPECT_EQ(layout.local_size, 2);
  EXPECT_EQ(layout.address, "node01");
  EXPECT_EQ(layout.port, 29500);
  EXPECT_FALSE(layout.port_is_ours);
  EXPECT_TRUE(layout.served_store);
  EXPECT_EQ(layout.attempt, "2");
  EXPECT_FALSE(layout_of(kTorchrun).served_store);
  EXPECT_EQ(layout_of(with(kTorchrun, {{"FSC_LOCAL_PROCESS", "1"}})).launcher, Launcher::kFsc);
  EXPECT_TRUE(layout_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).alone());  // needs no meeting place
}

TEST(FindLayout, SlurmStep) {
  const auto layout = layout_of(kSlurm);
  EXPECT_EQ(layout.launcher, Launcher::kSlurm);
  EXPECT_EQ(layout.rank, 5);
  EXPECT_EQ(layout.size, 7);
  EXPECT_EQ(layout.local_rank, 1);
  EXPECT_EQ(layout.local_size, 3);
  EXPECT_EQ(layout.address, "node01");
  EXPECT_EQ(layout.port, 23456);
  EXPECT_TRUE(layout.port_is_ours);
  EXPECT_EQ(layout.attempt, "0.0");
  EXPECT_EQ(layout.job, "123456");

  const auto array = layout_of(with(
      kSlurm,
      {{"SLURM_ARRAY_JOB_ID", "123450"}, {"SLURM_ARRAY_TASK_ID", "3"}, {"SLURM_RESTART_COUNT", "1"}, {"SLURM_STEP_ID", "4"}}));
  EXPECT_EQ(array.job, "123450_3");
  EXPECT_EQ(array.port, 23456);
  EXPECT_EQ(array.attempt, "1.4");
}

TEST(FindLayout, ConfigHasTheLastWord) {
  DistributedConfig config;
  config.address = "10.0.0.9";
  config.port = 4000;
  for (const auto& given : {kTorchrun, kSlurm}) {
    const auto layout = layout_of(given, config);
    EXPECT_EQ(layout.address, "10.0.0.9");
    EXPECT_EQ(layout.port, 4000);
    EXPECT_FALSE(layout.port_is_ours);
  }
  const auto layout = layout_of(with(kSlurm, {{"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "29000"}}));
  EXPECT_EQ(layout.address, "127.0.0.1");
  EXPECT_EQ(layout.port, 29000);
}

TEST(FindLayout, ContradictionsAreNamed) {
  const std::vector<std::pair<Given, std::vector<std::string>>> table = {
      {{{"RANK", "0"}}, {"RANK", "no WORLD_SIZE"}},
      {{{"WORLD_SIZE", "2"}}, {"WORLD_SIZE", "no RANK"}},
      {with(kTorchrun, {{"RANK", "4"}}), {"RANK=4", "WORLD_SIZE=4"}},
      {with(kTorchrun, {{"RANK", "-1"}}), {"RANK=-1"}},
      {with(kTorchrun, {{"RANK", "one"}}), {"RANK=one", "whole number"}},
      {with(kTorchrun, {{"WORLD_SIZE", "0"}}), {"WORLD_SIZE=0"}},
      {with(kTorchrun, {{"WORLD_SIZE", "4x"}}), {"WORLD_SIZE=4x"}},
      {with(kTorchrun, {{"LOCAL_RANK", "2"}}), {"LOCAL_RANK=2", "2 processes on this host"}},
      {with(kTorchrun, {{"LOCAL_WORLD_SIZE", "5"}}), {"5 processes on this host", "WORLD_SIZE=4"}},
      {with(kTorchrun, {{"MASTER_ADDR", ""}}), {"MASTER_ADDR", "distributed.address"}},
      {with(kTorchrun, {{"MASTER_PORT", ""}}), {"MASTER_PORT", "distributed.port"}},
      {with(kTorchrun, {{"MASTER_PORT", "70000"}}), {"MASTER_PORT=70000"}},
      {with(kTorchrun, {{"MASTER_PORT", "http"}}), {"MASTER_PORT=http"}},
      {with(kSlurm, {{"SLURM_PROCID", ""}}), {"no SLURM_PROCID"}},
      {with(kSlurm, {{"SLURM_PROCID", "7"}}), {"SLURM_PROCID=7", "SLURM_STEP_NUM_TASKS=7"}},
      {with(kSlurm, {{"SLURM_STEP_TASKS_PER_NODE", "2(x2)"}}), {"SLURM_STEP_TASKS_PER_NODE=2(x2)"}},
      {with(kSlurm, {{"SLURM_STEP_TASKS_PER_NODE", "many"}}), {"SLURM_STEP_TASKS_PER_NODE=many"}},
      {with(kSlurm, {{"SLURM_STEP_NODELIST", ""}}), {"MASTER_ADDR"}},
      {with(kSlurm, {{"SLURM_JOB_ID", ""}}), {"MASTER_PORT"}},
  };
  for (const auto& [given, words] : table) {
    test::expect_error([&] { layout_of(given); }, ExitCode::kUsage, words);
    try {
      layout_of(given);
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  }
  test::expect_error(
      [&] {
        layout_of(with(kSlurm, {{"SLURM_STEP_NODELIST", "node[1-"}}));
      },
      ExitCode::kFailed, {"does not close"});
}

TEST(DistributedConfig, HasRangesAndNames) {
  DistributedConfig config;
  config::Problems problems;
  config::read_yaml_text(config::fields_of(config), "{port: 4000, on_preempt: wait, bucket_mb: 5, timeout: 30}", "test",
                         problems);
  EXPECT_TRUE(problems.empty()) << problems.text();
  EXPECT_EQ(config.on_preempt, OnPreempt::kWait);
  for (const char* bad : {"{port: 70000}", "{timeout: 0}", "{bucket_mb: 0}", "{check_every: -1}", "{on_preempt: never}"}) {
    config::Problems found;
    config::read_yaml_text(config::fields_of(config), bad, "test", found);
    EXPECT_FALSE(found.empty()) << bad;
  }
}

}  // namespace
}  // namespace fsc
