// Files and tables from made-up results.
#include "fsc/eval/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "eval_support.h"

namespace fsc {
namespace {

TaskResult task(const std::string& label, double score) {
  TaskResult result;
  result.label = label;
  result.score = score;
  result.chance = 50;
  result.interval = {score - 1, score + 1};
  result.subtasks = {{"sub", score}};
  result.predictions = {{"sub", "7", {0.25f, 0.1f}, true, {{"rank", 0}}}, {"sub", "bad \xFF utf8", {0.5f}, false, {}}};
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
