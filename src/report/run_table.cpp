// Reads back what runs have written and sets it side by side.
#include "fsc/report/run_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/csv.h"
#include "fsc/core/error.h"
#include "fsc/report/report.h"
#include "report/detail_aligned.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

using Scores = std::vector<std::pair<std::string, double>>;

/// The last whole line of metrics.jsonl; a run may be writing the next.
void read_metrics(const fs::path& file, RunSummary& summary) {
  if (!fs::exists(file)) return;
  const std::string text = read_file(file);
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return;
  const size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1),
               begin = before == std::string::npos ? 0 : before + 1;
  const auto line = nlohmann::json::parse(text.substr(begin, end - begin));
  summary.step = line.at("step").get<int64_t>();
  if (line.at("loss").is_number()) summary.loss = line.at("loss").get<double>();
}

/// pareto.json: the probe that the guard holds for the best.
void read_probe(const fs::path& file, Scores& scores) {
  if (!fs::exists(file)) return;
  const auto json = nlohmann::ordered_json::parse(read_file(file));
  for (const auto& point : json.at("points")) {
    if (point.at("step") != json.at("best_step")) continue;
    for (const auto& [kind, score] : point.at("scores").items()) scores.emplace_back("probe " + kind, score);
    return;
  }
}

/// The names of all runs' scores, in the order of their first mention.
std::vector<std::string> score_names(const std::vector<RunSummary>& runs) {
  std::vector<std::string> names;
  for (const auto& run : runs)
    for (const auto& [name, score] : run.scores)
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  return names;
}

/// A header and a line a run; numbers as `number` writes them, what is not there as `nothing`.
template <class Number>
std::vector<std::vector<std::string>> cells_of(const std::vector<RunSummary>& runs, const Number& number, const char* nothing) {
  const auto names = score_names(runs);
  std::vector<std::vector<std::string>> rows = {{"row", "state", "step", "loss"}};
  rows[0].insert(rows[0].end(), names.begin(), names.end());
  rows[0].insert(rows[0].end(), {"overrides", "run"});
  for (const auto& run : runs) {
    auto& row = rows.emplace_back(std::vector<std::string>{std::to_string(rows.size() - 1)});
    row.push_back(run.done ? "done" : run.step ? "not done" : "not begun");
    row.push_back(run.step ? std::to_string(*run.step) : nothing);
    row.push_back(run.loss ? number(*run.loss) : nothing);
    for (const auto& name : names) {
      const auto found = std::find_if(run.scores.begin(), run.scores.end(), [&](const auto& one) { return one.first == name; });
      row.push_back(found == run.scores.end() ? nothing : number(found->second));
    }
    row.push_back(run.overrides.empty() ? nothing : run.overrides);
    row.push_back(run.run.string());
  }
  return rows;
}

}  // namespace

RunSummary summarize_run(const fs::path& run) {
  RunSummary summary;
  summary.run = run;
  summary.done = fs::exists(run / "model.safetensors") || fs::exists(run / "lora.safetensors");
  try {
    read_metrics(run / "metrics.jsonl", summary);
    read_probe(run / "pareto.json", summary.scores);
  } catch (const nlohmann::json::exception& error) {
    throw Error(run.string() + ": metrics.jsonl or pareto.json is not as fsc-train writes it: " + error.what());
  }
  if (fs::exists(run / "eval/results.json"))
    for (const auto& [kind, score] : read_model_results(run / "eval").averages)
      summary.scores.emplace_back("mean " + kind, score);
  return summary;
}

std::string runs_table(const std::vector<RunSummary>& runs) {
  return detail::aligned(cells_of(
      runs, [](double value) { return fmt::format("{:.4f}", value); }, "-"));
}

std::string runs_csv(const std::vector<RunSummary>& runs) {
  std::string text;
  for (const auto& row : cells_of(
           runs, [](double value) { return fmt::format("{}", value); }, "")) {
    for (size_t i = 0; i < row.size(); ++i) text += (i ? "," : "") + csv_cell(row[i], ',');
    text += "\n";
  }
  return text;
}

}  // namespace fsc
