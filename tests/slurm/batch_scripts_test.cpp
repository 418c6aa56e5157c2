// The batch scripts' shells, with stand-ins for SLURM's commands and the programs.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "support/golden.h"
#include "support/shell.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::ShellEnded;
using test::TempDir;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A folder with bin/: the tools that a script may use, and stand-ins. fsc-train does what the file `behaviour` says.
class BatchScript : public ::testing::Test {
 protected:
  BatchScript() {
    fs::create_directories(dir_ / "bin");
    for (const char* tool : {"awk", "bash", "cat", "date", "flock", "grep", "mkdir", "sed", "sleep", "tail", "touch", "xargs"})
      fs::create_symlink(
          fs::exists(std::string("/usr/bin/") + tool) ? std::string("/usr/bin/") + tool : std::string("/bin/") + tool,
          dir_ / "bin" / tool);
    fs::create_symlink("/usr/bin/printf", dir_ / "bin/printf");
    program("srun", "while [[ $1 == --* ]]; do shift; done\nexec \"$@\"\n");
    // SLURM ends the script that had itself queued again.
    program("scontrol", "echo \"$*\" >>scontrol_calls\n(sleep 0.2; kill -TERM $PPID) >/dev/null 2>&1 &\n");
    program("fsc-train", R"(run=run
for word in "$@"; do [[ $word == output.dir=* ]] && run=${word#output.dir=}; done
if [[ " $* " == *" --print "* ]]; then [ ! -e bad_config ] || exit 2; echo "$run"; exit; fi
printf '<%s>' "$@" >>calls; echo >>calls
. ./behaviour
)");
    program("fsc-model", "printf '<%s>' \"$@\" >>model_calls; echo >>model_calls\n");
    program("fsc-eval", "printf '<%s>' \"$@\" >>calls; echo >>calls\n");
  }

  void program(const std::string& name, const std::string& text) const {
    fs::permissions(dir_.write("bin/" + name, "#!/bin/bash\n" + text), fs::perms::owner_all);
  }
  void behave(const std::string& text) const { dir_.write("behaviour", text); }
  /// What stands in a file, "" where there is none.
  std::string text(const std::string& name) const {
    return fs::exists(dir_ / name) ? test::read_all((dir_ / name).string()) : "";
  }

  /// `script` as job 7; `before` may set more variables, `meanwhile` runs beside it and finds it in $script.
  ShellEnded run(const std::string& script, const std::string& arguments, const std::string& before = "",
                 const std::string& meanwhile = ":") const {
    return shell("unset ${!SLURM_@} ${!FSC_@}; export PATH=$PWD/bin SLURM_JOB_ID=7; " + before +
                     "\nbash '" FSC_SOURCE_DIR "/scripts/slurm/" + script + "' " + arguments + " >out 2>&1 & script=$!\n" +
                     meanwhile + "\nwait $script; code=$?; cat out; exit $code",
                 dir_.path());
  }
  /// The same in bash, which knows ${!SLURM_@}.
  static ShellEnded shell(const std::string& command, const fs::path& folder) {
    std::string words;
    for (const char c : command) words += c == '\'' ? "'\\''" : std::string(1, c);
    return test::shell("bash -c '" + words + "'", folder);
  }

  TempDir dir_;
};

constexpr const char* kUntilSignalled =
    "trap 'mkdir -p $run/checkpoints/step_20; exit 75' USR1 TERM\ntouch started\nwhile :; do sleep 0.05; done\n";
constexpr const char* kWhenStarted = "until [ -e started ]; do sleep 0.05; done; ";

TEST_F(BatchScript, GoesOnUntilTheProgramIsDone) {
  behave("exit 0\n");
  const auto ended = run("train.sbatch", "--config c.yaml --set 'a=[1, 2]'");
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_EQ(text("calls"), "<--config><c.yaml><--set><a=[1, 2]><--resume><auto>\n");
  EXPECT_EQ(text("scontrol_calls"), "");
}

TEST_F(BatchScript, EndsWithTheProgramsCode) {
  behave("exit 3\n");
  EXPECT_EQ(run("train.sbatch", "--config c.yaml").code, 3);
  dir_.write("bad_config", "");
  EXPECT_EQ(run("train.sbatch", "--config c.yaml").code, 2) << "before anything is started";
  EXPECT_EQ(text("scontrol_calls"), "");
}

TEST_F(BatchScript, IsQueuedAgainWhenTheProgramHasSaved) {
  behave("mkdir -p $run/checkpoints/step_9 $run/checkpoints/step_10 $run/checkpoints/step_99.damaged; exit 75\n");
  const auto ended = run("train.sbatch", "--config c.yaml");
  EXPECT_EQ(ended.code, 75) << ended.output;
  EXPECT_EQ(text("scontrol_calls"), "requeue 7\n");
  EXPECT_TRUE(has(ended.output, "saved at step 10 and queued again")) << ended.output;
}

TEST_F(BatchScript, HandsTheWarningOn) {
  behave(kUntilSignalled);
  const auto ended = run("train.sbatch", "--config c.yaml", "", std::string(kWhenStarted) + "kill -USR1 $script");
  EXPECT_EQ(ended.code, 75) << ended.output;
  EXPECT_EQ(text("scontrol_calls"), "requeue 7\n");
  EXPECT_TRUE(fs::exists(dir_ / "run/checkpoints/step_20"));
}

TEST_F(BatchScript, AWarningBeforeTheStartLeavesItToTheNext) {
  behave("exit 0\n");
  const auto early = run("train.sbatch", "--config c.yaml", "export FSC_PROLOGUE=$PWD/prologue; echo 'kill -USR1 $$' >prologue");
  EXPECT_EQ(early.code, 75) << early.output;
  EXPECT_EQ(text("calls"), "");
  behave("kill -USR1 $PPID; sleep 0.5; trap - USR1; kill -USR1 $$; sleep 5\n");  // as a program that cannot listen yet
  const auto deaf = run("train.sbatch", "--config c.yaml");
  EXPECT_EQ(deaf.code, 75) << deaf.output;
  EXPECT_EQ(text("scontrol_calls"), "requeue 7\nrequeue 7\n");
}

TEST_F(BatchScript, ACancelledJobDoesNotComeBack) {
  behave("echo $$ >pid\n" + std::string(kUntilSignalled));
  const auto ended = run("train.sbatch", "--config c.yaml", "", std::string(kWhenStarted) + "kill -TERM $script $(cat pid)");
  EXPECT_EQ(ended.code, 75) << ended.output;
  EXPECT_EQ(text("scontrol_calls"), "");
  EXPECT_TRUE(has(ended.output, "ended by SLURM, saved at step 20")) << ended.output;
  EXPECT_TRUE(has(ended.output, "scontrol requeue 7")) << ended.output;
}

TEST_F(BatchScript, WithoutSrunTheProgramIsToldToo) {
  behave(kUntilSignalled);
  const auto ended =
      run("train.sbatch", "--config c.yaml", "export FSC_LAUNCH=", std::string(kWhenStarted) + "kill -TERM $script");
  EXPECT_EQ(ended.code, 75) << ended.output;
  EXPECT_TRUE(has(ended.output, "ended by SLURM, saved at step 20")) << ended.output;
}

TEST_F(BatchScript, OfAnArrayOnlyTheTaskIsQueuedAgain) {
  behave("mkdir -p $run/checkpoints/step_10; exit 75\n");
  run("train.sbatch", "--config c.yaml", "export SLURM_ARRAY_JOB_ID=5 SLURM_ARRAY_TASK_ID=3");
  EXPECT_EQ(text("scontrol_calls"), "requeue 5_3\n");
}

TEST_F(BatchScript, WithoutScontrolItSaysWhatToType) {
  fs::remove(dir_ / "bin/scontrol");
  behave("mkdir -p $run/checkpoints/step_10; exit 75\n");
  const auto ended = run("train.sbatch", "--config c.yaml");
  EXPECT_EQ(ended.code, 75) << ended.output;
  EXPECT_TRUE(has(ended.output, "saved at step 10. To go on type:  scontrol requeue 7")) << ended.output;
}

TEST_F(BatchScript, StopsAfterThreeFruitlessStarts) {
  behave("exit 75\n");
  for (int start = 0; start < 2; ++start) EXPECT_EQ(run("train.sbatch", "--config c.yaml").code, 75);
  behave("mkdir -p $run/checkpoints/step_10; exit 75\n");
  EXPECT_EQ(run("train.sbatch", "--config c.yaml").code, 75);  // got further, so the count begins anew
  for (int start = 0; start < 2; ++start) EXPECT_EQ(run("train.sbatch", "--config c.yaml").code, 75);
  auto ended = run("train.sbatch", "--config c.yaml");
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_TRUE(has(ended.output, "stops: 3 starts in a row began and ended at step 10")) << ended.output;
  EXPECT_EQ(text("scontrol_calls"), "requeue 7\nrequeue 7\nrequeue 7\nrequeue 7\nrequeue 7\n");
  // The same job again is told at once; another job may try.
  const std::string calls = text("calls");
  EXPECT_EQ(run("train.sbatch", "--config c.yaml").code, 1);
  EXPECT_EQ(text("calls"), calls);
  EXPECT_EQ(run("train.sbatch", "--config c.yaml", "export SLURM_JOB_ID=8").code, 75);
}

TEST_F(BatchScript, PrologueContainerAndLauncherComeFromTheEnvironment) {
  behave("exit 0\n");
  dir_.write("prologue", "module() { echo \"$*\" >modules; }\nmodule load cuda\n");
  program("apptainer", "echo \"$1 $2\" >contained; shift 2; exec \"$@\"\n");
  program("srun", "exit 9\n");
  const auto ended = run("train.sbatch", "--config c.yaml",
                         "export FSC_PROLOGUE=$PWD/prologue FSC_CONTAINER='apptainer exec fsc.sif' FSC_LAUNCH=");
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_EQ(text("modules"), "load cuda\n");
  EXPECT_EQ(text("contained"), "exec fsc.sif\n");
}

class SweepScript : public BatchScript {
 protected:
  SweepScript() {
    dir_.write("rows.txt", "# learning rates\n\noptim.lr=1e-5 'negatives.kinds=[swap, replace]'\noptim.lr=2e-5 output.dir=own\n");
    behave("mkdir -p $run; exit 0\n");
  }
  ShellEnded task(int number) const {
    return run("sweep.sbatch", "rows.txt --config c.yaml",
               "export SLURM_ARRAY_JOB_ID=5 SLURM_ARRAY_TASK_ID=" + std::to_string(number));
  }
};

TEST_F(SweepScript, EachTaskTakesItsRowAndLeavesATable) {
  for (const int number : {0, 1}) {
    const auto ended = task(number);
    EXPECT_EQ(ended.code, 0) << ended.output;
  }
  EXPECT_EQ(text("calls"),
            "<--config><c.yaml><--set><output.dir=run/row_0><--set><optim.lr=1e-5><--set><negatives.kinds=[swap, replace]>"
            "<--resume><auto>\n"
            "<--config><c.yaml><--set><output.dir=run/row_1><--set><optim.lr=2e-5><--set><output.dir=own><--resume><auto>\n");
  const std::string table = "<runs><run/row_0><own><--rows><rows.txt><--output><run/sweep>\n";
  EXPECT_EQ(text("model_calls"), table + table);
}

TEST_F(SweepScript, ARowThatIsNotAtItsEndLeavesTheTableToTheNext) {
  behave("mkdir -p $run/checkpoints/step_4; exit 75\n");
  EXPECT_EQ(task(1).code, 75);
  EXPECT_EQ(text("scontrol_calls"), "requeue 5_1\n");
  EXPECT_EQ(text("model_calls"), "");
}

TEST_F(SweepScript, SaysWhatItLacks) {
  const auto beyond = task(2);
  EXPECT_EQ(beyond.code, 2);
  EXPECT_TRUE(has(beyond.output, "has no row: there are 2, so --array=0-1")) << beyond.output;
  const auto alone = run("sweep.sbatch", "rows.txt --config c.yaml");
  EXPECT_EQ(alone.code, 2);
  EXPECT_TRUE(has(alone.output, "is no array")) << alone.output;
  const auto rowless = run("sweep.sbatch", "--config c.yaml", "export SLURM_ARRAY_JOB_ID=5 SLURM_ARRAY_TASK_ID=0");
  EXPECT_EQ(rowless.code, 2);
  EXPECT_TRUE(has(rowless.output, "there is no file of rows '--config'")) << rowless.output;
}

TEST_F(BatchScript, AnEvaluationIsSharedOutByTheArray) {
  EXPECT_EQ(run("eval.sbatch", "--checkpoint a").code, 0);
  EXPECT_EQ(run("eval.sbatch", "--checkpoint a",
                "export SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=4")
                .code,
            0);
  EXPECT_EQ(text("calls"), "<--checkpoint><a>\n<--checkpoint><a><--shard><3/4>\n");
}

TEST(BatchScripts, TrainAndSweepQueueThemselvesAlike) {
  const auto common = [](const std::string& name) {
    const std::string text = test::read_all(FSC_SOURCE_DIR "/scripts/slurm/" + name);
    const size_t begin = text.find("# What a batch script needs"), end = text.find("# So far the same in both.");
    EXPECT_LT(begin, end) << name;
    return text.substr(begin, end - begin);
  };
  EXPECT_EQ(common("train.sbatch"), common("sweep.sbatch"));
}

}  // namespace
}  // namespace fsc
