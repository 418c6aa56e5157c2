// Files and tables from made-up results and from those of a tiny model.
#include "fsc/report/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "eval/suite_folder.h"
#include "fsc/core/atomic_file.h"

namespace fsc {
namespace {

TaskResult task(const std::string& label, double score) {
  TaskResult result;
  result.label = label;
  result.total = {"", score, 50, Interval{score - 1, score + 1}, 2, {}, {{"sub", score, 50, {}, 2, {}, {}}}};
  result.outcomes = {{{"wide", "sub"}, "7", {0.25f, 0.1f}, true, 50, {{"rank", 0}}}, {{}, "bad \xFF utf8", {0.5f}, false, 50}};
  return result;
}

EvalResult model(const std::string& name, double score) {
  return {name, {task("a", score), task("longer", 66.6)}, {{"composition", score}}};
}

TEST(Report, JsonKeepsFullPrecisionAndOrder) {
  const std::string text = results_json(model("m", 100.0 / 3));
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["tasks"]["a"]["score"].get<double>(), 100.0 / 3);
  EXPECT_EQ(json["tasks"]["a"]["n"], 2);
  EXPECT_EQ(json["tasks"]["a"]["subtasks"]["sub"].get<double>(), 100.0 / 3);
  EXPECT_EQ(json["averages"]["composition"].get<double>(), 100.0 / 3);
  EXPECT_LT(text.find("\"a\""), text.find("\"longer\""));
}

TEST(Report, PredictionsAreOneObjectALine) {
  const std::string text = predictions_jsonl(task("a", 1));
  EXPECT_EQ(text.substr(0, text.find('\n')),
            "{\"subtask\":\"sub\",\"id\":\"7\",\"scores\":[0.25,0.10000000149011612],\"correct\":true,\"rank\":0}");
  EXPECT_NE(text.find("\n{\"subtask\":\"\",\"id\":\"bad"), std::string::npos);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(Report, CsvHasOneRowAModel) {
  EXPECT_EQ(results_csv({model("x,y", 12.5), model("z", 100.0 / 3)}),
            "model,a,longer\n\"x,y\",12.5,66.6\nz,33.333333333333336,66.6\n");
  EXPECT_EQ(results_csv({}), "model\n");
}

TEST(Report, Tables) {
  const std::string one = model_table(model("m", 75));
  for (const char* text : {"m\n", "score %", "95% interval", "74.00 - 76.00", "50.00", "  sub", "mean composition"})
    EXPECT_NE(one.find(text), std::string::npos) << text;
  EXPECT_EQ(comparison_table({model("first", 75), model("2", 5)}),
            "score % by model      a  longer  mean composition\n"
            "first             75.00   66.60             75.00\n"
            "2                  5.00   66.60              5.00\n"
            "(chance)          50.00   50.00\n");
}

TEST(Report, FilesHoldTheContract) {
  test::TempDir dir;
  test::write_suite_folder(dir);
  LoadedModel loaded = load_model(dir / "run1");
  const EvalResult result = evaluate(loaded, load_suite(dir / "suite.yaml"), test::clip_tokenizer(), "run1");
  write_model_results(dir / "out", result);
  const auto written = nlohmann::json::parse(read_file(dir / "out/results.json"));
  EXPECT_EQ(written["model"], "run1");
  EXPECT_EQ(written["tasks"].size(), 4u);
  EXPECT_DOUBLE_EQ(written["tasks"]["sugarcrepe"]["score"].get<double>(), result.tasks[0].total.score);
  EXPECT_TRUE(written["tasks"]["sugarcrepe"]["subtasks"].contains("add_att"));
  EXPECT_TRUE(written["tasks"]["retrieval"]["subtasks"].contains("t2i/R@10"));
  EXPECT_EQ(written["tasks"]["retrieval"]["n"], 18);
  EXPECT_LE(written["tasks"]["zeroshot"]["interval"][0], written["tasks"]["zeroshot"]["score"]);
  EXPECT_EQ(written["averages"].size(), 3u);
  for (const auto& task : result.tasks) {
    std::istringstream lines(read_file(dir / ("out/predictions/" + task.label + ".jsonl")));
    size_t count = 0, correct = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const auto prediction = nlohmann::json::parse(line);
      for (const char* key : {"subtask", "id", "scores", "correct"})
        EXPECT_TRUE(prediction.contains(key)) << task.label << " " << key;
      correct += prediction["correct"].get<bool>();
    }
    EXPECT_EQ(count, task.outcomes.size());
    if (task.label == "one") {
      EXPECT_NEAR(100.0 * static_cast<double>(correct) / static_cast<double>(count), task.total.score, 1e-9);
    }
  }
}

TEST(Report, CheckpointLabels) {
  const auto labels = [](const std::vector<std::filesystem::path>& paths) { return checkpoint_labels(paths); };
  EXPECT_EQ(labels({"/runs/a/"}), std::vector<std::string>{"a"});
  EXPECT_EQ(labels({"/m/x.safetensors", "/m/y"}), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(labels({"/r/a/step_1", "/r/b/step_1"}), (std::vector<std::string>{"a-step_1", "b-step_1"}));
  EXPECT_EQ(labels({"/r/a/checkpoints/step_1", "/r/b/checkpoints/step_1", "/r/b"}),
            (std::vector<std::string>{"a-checkpoints-step_1", "b-checkpoints-step_1", "r-b"}));
  EXPECT_EQ(labels({"/a/b", "/a-b"}), (std::vector<std::string>{"b", "a-b"}));
  const auto hard = labels({"/a-b/c", "/a/b-c", "/b-c", "/c", "/x/c", "/x/b-c"});
  EXPECT_EQ(std::set<std::string>(hard.begin(), hard.end()).size(), hard.size());
  test::expect_error([&] { labels({"/a/b", "/a/./b/"}); }, ExitCode::kUsage, {"given twice"});
}

}  // namespace
}  // namespace fsc
