// The slurm: section: what it allows, and the script that comes of it.
#include "fsc/slurm/submit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "support/expect_error.h"
#include "support/golden.h"
#include "support/scoped.h"
#include "support/shell.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::TempDir;

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

const BatchJob kJob = {.name = "fsc-try",
                       .program = "/opt/fsc/bin/fsc-train",
                       .folder = "/home/me/work",
                       .log_folder = "/home/me/work/runs/try",
                       .arguments = {"--config", "it's here.yaml"}};

TEST(BatchJobScript, HasEachOptionOnce) {
  SlurmConfig config;
  config.partition = "gpu";
  config.constraint = "a100|h100";
  config.nodes = 2;
  config.tasks_per_node = config.gpus_per_node = 4;
  config.time = "4:00:00";
  config.signal_seconds = 300;
  config.extra = {"--exclusive", "--open-mode=truncate"};
  const std::string script = batch_script(config, kJob);
  for (const char* line : {"#SBATCH --job-name=\"fsc-try\"", "#SBATCH --chdir=\"/home/me/work\"",
                           "#SBATCH --output=\"/home/me/work/runs/try/slurm-%j.log\"", "#SBATCH --partition=\"gpu\"",
                           "#SBATCH --constraint=\"a100|h100\"", "#SBATCH --nodes=2", "#SBATCH --ntasks-per-node=4",
                           "#SBATCH --gpus-per-node=4", "#SBATCH --time=\"4:00:00\"", "#SBATCH --signal=B:USR1@300",
                           "#SBATCH --exclusive", "#SBATCH --open-mode=truncate", "#SBATCH --requeue"})
    EXPECT_EQ(count(script, std::string(line) + "\n"), 1U) << line;
  for (const char* name : {"--job-name=", "--output=", "--signal=", "--open-mode="})
    EXPECT_EQ(count(script, std::string("\n#SBATCH ") + name), 1U) << name;
  for (const char* name : {"--account", "--qos", "--mem", "--cpus-per-task"}) EXPECT_EQ(count(script, name), 0U) << name;
  EXPECT_EQ(script.rfind("#!/bin/bash\n#SBATCH ", 0), 0U) << "sbatch reads options up to the first command";
  EXPECT_LT(script.rfind("#SBATCH "), script.find("\nset --"));
}

TEST(BatchJobScript, IsTheBatchScriptOfTheTreeWithThePrologueAndTheArguments) {
  SlurmConfig config;
  config.prologue = {"module load cuda", "export NCCL_DEBUG=WARN"};
  config.container = "apptainer exec --nv fsc.sif";
  const std::string script = batch_script(config, kJob);
  EXPECT_NE(
      script.find("\nprologue() {\n  module load cuda\n  export NCCL_DEBUG=WARN\n}\nFSC_CONTAINER='apptainer exec --nv fsc.sif'\n"
                  "FSC_TRAIN='/opt/fsc/bin/fsc-train'\nset -- '--config' 'it'\\''s here.yaml'\n"),
      std::string::npos)
      << script;
  const std::string tree = test::read_all(FSC_SOURCE_DIR "/scripts/slurm/train.sbatch");
  const size_t body = tree.find("program=${FSC_TRAIN:-fsc-train}");
  ASSERT_NE(body, std::string::npos);
  EXPECT_EQ(script.substr(script.find("program=${FSC_TRAIN:-fsc-train}")), tree.substr(body));
  const TempDir dir;
  dir.write("job", script);
  EXPECT_EQ(test::shell("bash -n job", dir.path()).code, 0);
}

TEST(SlurmOptions, WhatSlurmWouldRefuseIsNamed) {
  const auto problems_of = [](const SlurmConfig& config) {
    config::Problems problems;
    config.validate(problems);
    return problems.text();
  };
  const auto with_time = [](const char* time) {
    SlurmConfig config;
    config.time = time;
    return config;
  };
  EXPECT_EQ(problems_of({}), "");
  for (const char* good : {"90", "4:00:00", "30:00", "2-0", "1-12:30", "1-12:30:00"})
    EXPECT_EQ(problems_of(with_time(good)), "") << good;
  SlurmConfig bad = with_time("4h");
  bad.mem = "64 GB";
  bad.extra = {"exclusive"};
  bad.prologue = {"module load cuda\nrm -rf run"};
  const std::string text = problems_of(bad);
  for (const char* part : {"slurm.time", "'4h' is no time limit", "slurm.mem", "slurm.extra",
                           "'exclusive' is no option of sbatch", "slurm.prologue", "has a line break"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
}

TEST(SubmitScript, SbatchHasTheSay) {
  const TempDir dir;
  const test::ScopedEnv path = {"PATH", (dir / "bin").string()};
  const fs::path script = dir.write("submit.sbatch", "#!/bin/bash\n");
  test::expect_error([&] { submit_script(script); }, ExitCode::kFailed, {"cannot start sbatch", "sbatch " + script.string()});
  const auto stand_in = [&](const std::string& text) {
    fs::permissions(dir.write("bin/sbatch", "#!/bin/sh\n" + text), fs::perms::owner_all);
  };
  stand_in("exit 1\n");
  test::expect_error([&] { submit_script(script); }, ExitCode::kFailed, {"sbatch refused the job", script.string()});
  stand_in("echo \"$1\" >'" + (dir / "taken").string() + "'\n");
  submit_script(script);
  EXPECT_EQ(test::read_all((dir / "taken").string()), script.string() + "\n");
}

}  // namespace
}  // namespace fsc
