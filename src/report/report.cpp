// results.json, results.csv, predictions and the tables that people read.
#include "fsc/report/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "fsc/core/atomic_file.h"
#include "fsc/core/csv.h"
#include "fsc/core/error.h"
#include "report/detail_aligned.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

/// JSON that stays valid when a name is no UTF-8.
std::string dump(const ordered_json& json, int indent) {
  return json.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

std::string percent(double value) { return fmt::format("{:.2f}", value); }

}  // namespace

std::string detail::aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows)
    for (size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i)
      line += i == 0 ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string results_json(const EvalResult& result) {
  ordered_json json;
  json["model"] = result.model;
  json["tasks"] = ordered_json::object();
  for (const auto& task : result.tasks) {
    auto& out = json["tasks"][task.label];
    out["score"] = task.total.score;
    out["chance"] = task.total.chance;
    out["interval"] = {task.total.interval.low, task.total.interval.high};
    out["n"] = task.total.n;
    out["subtasks"] = ordered_json::object();
    for (const auto& [name, score] : subtasks_of(task.total)) out["subtasks"][name] = score;
  }
  json["averages"] = ordered_json::object();
  for (const auto& [kind, score] : result.averages) json["averages"][kind] = score;
  return dump(json, 2) + "\n";
}

std::string results_csv(const std::vector<EvalResult>& results) { return results_csv(results, "", {}); }

std::string results_csv(const std::vector<EvalResult>& results, const std::string& second,
                        const std::vector<std::string>& values) {
  std::string text = "model" + (second.empty() ? "" : "," + csv_cell(second, ','));
  if (results.empty()) return text + "\n";
  for (const auto& task : results[0].tasks) text += "," + csv_cell(task.label, ',');
  text += "\n";
  for (size_t i = 0; i < results.size(); ++i) {
    const auto& result = results[i];
    text += csv_cell(result.model, ',');
    if (!second.empty()) text += "," + csv_cell(values.at(i), ',');
    for (const auto& task : result.tasks) text += fmt::format(",{}", task.total.score);
    text += "\n";
  }
  return text;
}

std::string predictions_jsonl(const TaskResult& task) {
  std::string text;
  for (const auto& outcome : task.outcomes) {
    ordered_json json;
    json["subtask"] = outcome.path.empty() ? "" : outcome.path.back();
    json["id"] = outcome.id;
    json["scores"] = outcome.scores;
    json["correct"] = outcome.correct;
    for (const auto& [key, value] : outcome.more) json[key] = value;
    text += dump(json, -1) + "\n";
  }
  return text;
}

void write_model_results(const fs::path& folder, const EvalResult& result) {
  make_directories(folder / "predictions");
  for (const auto& task : result.tasks)
    write_file_atomic(folder / "predictions" / (task.label + ".jsonl"), predictions_jsonl(task));
  write_file_atomic(folder / "results.json", results_json(result));
}

EvalResult read_model_results(const fs::path& folder) {
  const fs::path file = folder / "results.json";
  EvalResult result;
  try {
    const auto json = ordered_json::parse(read_file(file));
    result.model = json.at("model");
    for (const auto& [label, one] : json.at("tasks").items()) {
      auto& task = result.tasks.emplace_back();
      task.label = label;
      task.total.score = one.at("score");
      task.total.chance = one.at("chance");
      task.total.interval = {one.at("interval").at(0), one.at("interval").at(1)};
      task.total.n = one.at("n");
      for (const auto& [name, score] : one.at("subtasks").items()) task.total.numbers.emplace_back(name, score);
    }
    for (const auto& [kind, score] : json.at("averages").items()) result.averages.emplace_back(kind, score);
  } catch (const nlohmann::json::exception& error) {
    throw Error(file.string() + " is not as fsc-eval writes it: " + error.what());
  }
  return result;
}

std::string model_table(const EvalResult& result) {
  std::vector<std::vector<std::string>> rows = {{"task", "score %", "95% interval", "chance", "items"}};
  for (const auto& task : result.tasks) {
    const Score& total = task.total;
    rows.push_back({task.label, percent(total.score), percent(total.interval.low) + " - " + percent(total.interval.high),
                    percent(total.chance), std::to_string(total.n)});
    for (const auto& [name, score] : subtasks_of(total)) rows.push_back({"  " + name, percent(score)});
  }
  for (const auto& [kind, score] : result.averages) rows.push_back({"mean " + kind, percent(score)});
  return result.model + "\n" + detail::aligned(rows);
}

std::string comparison_table(const std::vector<EvalResult>& results) {
  std::vector<std::vector<std::string>> rows = {{"score % by model"}};
  if (results.empty()) return "";
  for (const auto& task : results[0].tasks) rows[0].push_back(task.label);
  for (const auto& [kind, score] : results[0].averages) rows[0].push_back("mean " + kind);
  for (const auto& result : results) {
    auto& row = rows.emplace_back(std::vector<std::string>{result.model});
    for (const auto& task : result.tasks) row.push_back(percent(task.total.score));
    for (const auto& [kind, score] : result.averages) row.push_back(percent(score));
  }
  auto& chance = rows.emplace_back(std::vector<std::string>{"(chance)"});
  for (const auto& task : results[0].tasks) chance.push_back(percent(task.total.chance));
  return detail::aligned(rows);
}

std::vector<std::string> checkpoint_labels(const std::vector<fs::path>& checkpoints) {
  std::vector<std::vector<std::string>> parts;
  std::set<std::string> seen;
  for (const auto& checkpoint : checkpoints) {
    fs::path path = fs::absolute(checkpoint).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // a slash at the end
    if (!seen.insert(path.string()).second) throw UsageError("--checkpoint: " + checkpoint.string() + " is given twice");
    if (path.extension() == ".safetensors") path.replace_extension();
    auto& list = parts.emplace_back();
    for (const auto& part : path.relative_path()) list.push_back(part.string());
  }
  for (size_t depth = 1;; ++depth) {
    std::vector<std::string> labels;
    bool longer = false;
    for (const auto& list : parts) {
      std::string label;
      for (size_t i = list.size() - std::min(depth, list.size()); i < list.size(); ++i)
        label += (label.empty() ? "" : "-") + list[i];
      longer = longer || depth < list.size();
      labels.push_back(label);
    }
    if (std::set<std::string>(labels.begin(), labels.end()).size() == labels.size()) return labels;
    if (longer) continue;
    for (size_t i = 0; i < labels.size(); ++i) labels[i] += "-" + std::to_string(i + 1);  // a/b beside a-b
    return labels;
  }
}

}  // namespace fsc
