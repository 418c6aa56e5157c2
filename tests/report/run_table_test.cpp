// The table at the end of a sweep.
#include "fsc/report/run_table.h"

#include <gtest/gtest.h>

#include "fsc/report/report.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
using test::TempDir;

TEST(RunTable, SaysOfEachRunWhatThereIs) {
  const TempDir dir;
  dir.write("a/metrics.jsonl", "{\"step\":10,\"loss\":2.5}\n{\"step\":20,\"loss\":1.25}\n{\"step\":30,\"lo");
  dir.write("a/model.safetensors", "");
  dir.write("a/pareto.json", R"({"best_step": 10, "points": [{"step": 0, "scores": {"composition": 50.0}},
    {"step": 10, "scores": {"composition": 61.5, "zeroshot": 40.25}}]})");
  dir.write("b/metrics.jsonl", "{\"step\":10,\"loss\":null}\n");
  dir.write("b/eval/results.json", R"({"model": "b", "tasks": {}, "averages": {"retrieval": 12.5}})");
  std::vector<RunSummary> runs;
  for (const char* name : {"a", "b", "c"}) {
    runs.push_back(summarize_run(dir / name));
    runs.back().run = name;
  }
  runs[0].overrides = "optim.lr=1e-5 a=[1, 2]";
  EXPECT_EQ(runs_table(runs),
            "row      state  step    loss  probe composition  probe zeroshot  mean retrieval               overrides  run\n"
            "0         done    20  1.2500            61.5000         40.2500               -  optim.lr=1e-5 a=[1, 2]    a\n"
            "1     not done    10       -                  -               -         12.5000                       -    b\n"
            "2    not begun     -       -                  -               -               -                       -    c\n");
  EXPECT_EQ(runs_csv(runs),
            "row,state,step,loss,probe composition,probe zeroshot,mean retrieval,overrides,run\n"
            "0,done,20,1.25,61.5,40.25,,\"optim.lr=1e-5 a=[1, 2]\",a\n"
            "1,not done,10,,,,12.5,,b\n"
            "2,not begun,,,,,,,c\n");
}

TEST(RunTable, AFileThatIsNotOursIsNamed) {
  const TempDir dir;
  dir.write("a/metrics.jsonl", "step 10\n");
  test::expect_error([&] { summarize_run(dir / "a"); }, ExitCode::kFailed, {(dir / "a").string(), "metrics.jsonl"});
}

TEST(ReadBack, ResultsAreTheSameWhenWrittenAgain) {
  const TempDir dir;
  EvalResult result{"model", {}, {{"retrieval", 100.0 / 3}}};
  TaskResult task;
  task.label = "retrieval";
  task.total.score = 100.0 / 3;
  task.total.chance = 0.1;
  task.total.interval = {1.0 / 7, 66};
  task.total.n = 9;
  task.total.numbers = {{"top5", 0.2}};
  task.total.parts.resize(2);
  task.total.parts[0].name = "i2t";
  task.total.parts[0].numbers = {{"R@1", 1.0 / 3}};
  task.total.parts[1].name = "t2i";
  task.total.parts[1].score = 2.0 / 3;
  result.tasks.push_back(task);
  write_model_results(dir.path(), result);
  const EvalResult again = read_model_results(dir.path());
  EXPECT_EQ(results_json(again), results_json(result));
  EXPECT_EQ(results_csv({again}), results_csv({result}));
  EXPECT_EQ(model_table(again), model_table(result));
  dir.write("bad/results.json", "{}");
  test::expect_error([&] { read_model_results(dir / "bad"); }, ExitCode::kFailed, {"results.json is not as fsc-eval writes it"});
}

}  // namespace
}  // namespace fsc
