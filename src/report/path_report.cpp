// Rows and points of a path between two models.
#include "fsc/report/path_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "fsc/report/plot.h"
#include "fsc/report/report.h"

namespace fsc {
namespace {

std::optional<double> average(const EvalResult& result, TaskKind kind) {
  for (const auto& [name, score] : result.averages)
    if (name == kind_name(kind)) return score;
  return std::nullopt;
}

}  // namespace

std::string path_table(const WiseFtPath& path) {
  std::vector<EvalResult> rows;
  for (const auto& point : path.points) {
    rows.push_back(point.result);
    rows.back().model = fmt::format("alpha {:g}", point.alpha);
  }
  return path.checkpoint + "\n" + comparison_table(rows);
}

std::string paths_csv(const std::vector<WiseFtPath>& paths) {
  std::vector<EvalResult> rows;
  std::vector<std::string> alphas;
  for (const auto& path : paths)
    for (const auto& point : path.points) {
      rows.push_back(point.result);
      rows.back().model = path.checkpoint;
      alphas.push_back(fmt::format("{}", point.alpha));
    }
  return results_csv(rows, "alpha", alphas);
}

std::string paths_json(const std::string& base, const std::vector<WiseFtPath>& paths) {
  nlohmann::ordered_json json = {{"base", base}, {"paths", nlohmann::ordered_json::array()}};
  for (const auto& path : paths) {
    nlohmann::ordered_json points = nlohmann::ordered_json::array();
    for (const auto& point : path.points) {
      nlohmann::ordered_json one = {
          {"alpha", point.alpha}, {"tasks", nlohmann::ordered_json::object()}, {"averages", nlohmann::ordered_json::object()}};
      for (const auto& task : point.result.tasks) one["tasks"][task.label] = task.total.score;
      for (const auto& [kind, score] : point.result.averages) one["averages"][kind] = score;
      points.push_back(std::move(one));
    }
    json["paths"].push_back({{"checkpoint", path.checkpoint}, {"points", std::move(points)}});
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

bool draw_trade_off(const std::filesystem::path& folder, const std::vector<WiseFtPath>& paths) {
  std::vector<LabelledSeries> series;
  for (const auto& path : paths)
    for (const auto kind : {TaskKind::kZeroShot, TaskKind::kRetrieval}) {
      LabelledSeries one{paths.size() > 1 ? path.checkpoint + ": " + kind_name(kind) : kind_name(kind), {}, true};
      for (const auto& point : path.points) {
        const auto kept = average(point.result, kind), gained = average(point.result, TaskKind::kComposition);
        if (kept && gained) one.points.push_back({*kept, *gained, fmt::format("{:g}", point.alpha)});
      }
      if (!one.points.empty()) series.push_back(std::move(one));
    }
  if (series.empty()) return false;
  for (const char* name : {"trade_off.png", "trade_off.svg"})
    write_trade_off_chart(folder / name, "WiSE-FT: from the pretrained (alpha 0) to the fine-tuned model (1)",
                          "zero-shot, retrieval: mean score %", "composition: mean score %", series);
  return true;
}

}  // namespace fsc
