// Tables, files and the picture of a made-up path.
#include "fsc/report/path_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/golden.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

TaskResult task(const std::string& label, TaskKind kind, double score) {
  TaskResult result;
  result.label = label;
  result.kind = kind;
  result.total.score = score;
  return result;
}

PathPoint point(double alpha, double composition, double retrieval) {
  return {alpha,
          {"tuned alpha",
           {task("caption_choice", TaskKind::kComposition, composition), task("retrieval", TaskKind::kRetrieval, retrieval)},
           {{"composition", composition}, {"retrieval", retrieval}}}};
}

const std::vector<WiseFtPath> kPaths = {{"tuned", {point(0, 50, 100.0 / 3), point(0.5, 60, 30), point(1, 70, 20)}}};

TEST(PathReport, Tables) {
  const std::string csv = paths_csv(kPaths);
  EXPECT_EQ(csv.substr(0, csv.find('\n')), "model,alpha,caption_choice,retrieval");
  EXPECT_NE(csv.find("\ntuned,0,50,33.333333333333336\n"), std::string::npos);
  EXPECT_NE(csv.find("\ntuned,1,70,20\n"), std::string::npos);
  const auto json = nlohmann::json::parse(paths_json("base", kPaths));
  EXPECT_EQ(json["base"], "base");
  EXPECT_EQ(json["paths"][0]["checkpoint"], "tuned");
  EXPECT_EQ(json["paths"][0]["points"][1]["alpha"], 0.5);
  EXPECT_EQ(json["paths"][0]["points"][0]["tasks"]["retrieval"].get<double>(), 100.0 / 3);
  EXPECT_EQ(json["paths"][0]["points"][2]["averages"]["composition"].get<double>(), 70);
  const std::string table = path_table(kPaths[0]);
  EXPECT_EQ(table.substr(0, 6), "tuned\n");
  EXPECT_NE(table.find("alpha 0.5 "), std::string::npos);
}

TEST(PathReport, Picture) {
  const test::TempDir dir;
  ASSERT_TRUE(draw_trade_off(dir.path(), kPaths));
  const std::string svg = test::read_all((dir / "trade_off.svg").string());
  EXPECT_NE(svg.find(">retrieval</text>"), std::string::npos);
  EXPECT_EQ(svg.find(">zeroshot</text>"), std::string::npos) << "the suite has none";
  EXPECT_TRUE(std::filesystem::exists(dir / "trade_off.png"));
  auto only = kPaths;
  for (auto& point : only[0].points) point.result.averages.resize(1);
  EXPECT_FALSE(draw_trade_off(dir.path(), only));
}

}  // namespace
}  // namespace fsc
