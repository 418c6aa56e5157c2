// The guard's memory: its state in checkpoints, and guard.jsonl, pareto.json and the picture in the run folder.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/dist/together.h"
#include "fsc/report/plot.h"
#include "train/guard/detail_guard.h"

namespace fsc::detail {
namespace fs = std::filesystem;
using nlohmann::ordered_json;
namespace {

ordered_json to_json(const std::vector<ScoreChange>& scores) {
  ordered_json json = ordered_json::object();
  for (const auto& one : scores)
    json[one.name] = {
        {"score", one.score}, {"change", one.change.value}, {"low", one.change.interval.low}, {"high", one.change.interval.high}};
  return json;
}

std::vector<ScoreChange> scores_of(const ordered_json& json) {
  std::vector<ScoreChange> scores;
  for (const auto& [name, one] : json.items())
    scores.push_back({name, one.at("score"), {one.at("change"), {one.at("low"), one.at("high")}}});
  return scores;
}

ordered_json to_json(const ProbePoint& point) {
  return {{"step", point.step},           {"composition", point.composition}, {"forgetting", point.forgetting},
          {"certain", point.certain},     {"abandoned", point.abandoned},     {"kinds", to_json(point.kinds)},
          {"tasks", to_json(point.tasks)}};
}

ProbePoint point_of(const ordered_json& json) {
  return {json.at("step"),     json.at("composition"),      json.at("forgetting"),
          json.at("certain"),  scores_of(json.at("kinds")), scores_of(json.at("tasks")),
          json.at("abandoned")};
}

ordered_json to_json(const Outcomes& outcomes) {
  ordered_json json = ordered_json::array();
  for (const auto& task : outcomes) {
    json.push_back(
        {{"label", task.label}, {"kind", static_cast<int>(task.kind)}, {"score", task.score}, {"correct", task.correct}});
    if (!task.one_in.empty()) json.back()["one_in"] = task.one_in;
  }
  return json;
}

Outcomes outcomes_of_json(const ordered_json& json) {
  Outcomes outcomes;
  for (const auto& one : json)
    outcomes.push_back({one.at("label"), static_cast<TaskKind>(one.at("kind").get<int>()), one.at("score"),
                        one.at("correct").get<std::vector<std::string>>(), one.value("one_in", std::vector<double>())});
  return outcomes;
}

void copy_folder(const fs::path& from, const fs::path& to) {
  write_directory_atomic(
      to, [&](const fs::path& dir) { fs::copy(from, dir, fs::copy_options::recursive | fs::copy_options::overwrite_existing); });
}

}  // namespace

std::string to_text(const Outcomes& outcomes) { return to_json(outcomes).dump(); }
Outcomes outcomes_from(const std::string& text) { return outcomes_of_json(ordered_json::parse(text)); }

std::string Guard::state() const {
  ordered_json points = ordered_json::array();
  for (const auto& point : points_) points.push_back(to_json(point));
  return ordered_json{{"probe", probe_->fingerprint()}, {"base", to_json(base_)}, {"points", points}, {"over", over_},
                      {"rollbacks", rollbacks_},        {"stopped", stopped_}}
      .dump();
}

void Guard::restore(const std::string& state, const fs::path& folder) {
  const ordered_json json = ordered_json::parse(state, nullptr, false);
  try {
    if (json.at("probe") != probe_->fingerprint())
      throw UsageError(
          "the guard's probe is not the one that " + folder.string() +
          " was trained under: other texts or images; give it the same suite (guard.suite) and files, or start a new run");
    base_ = outcomes_of_json(json.at("base"));
    points_.clear();
    for (const auto& point : json.at("points")) points_.push_back(point_of(point));
    over_ = json.at("over").get<std::map<std::string, bool>>();
    rollbacks_ = json.at("rollbacks");
    stopped_ = json.at("stopped");
  } catch (const nlohmann::json::exception&) {
    throw Error(folder.string() + ": the guard's part of state.json is damaged or missing");
  }
  on_first(session_.world(), [&] { fetch_front(folder); });
  write_files();
}

/// What the front has beside the checkpoint `folder` is brought into this run.
void Guard::fetch_front(const fs::path& folder) const {
  const bool elsewhere = fs::weakly_canonical(folder.parent_path()) != fs::weakly_canonical(run_ / "checkpoints");
  for (const int64_t step : kept_steps()) {
    const fs::path here = checkpoint_of(step), there = folder.parent_path() / here.filename();
    std::error_code error;
    if (elsewhere && !fs::exists(here, error) && fs::exists(there, error)) {
      make_directories(here.parent_path());
      copy_folder(there, here);
    }
    if (!fs::exists(here, error))
      spdlog::warn("guard: the checkpoint {} of the Pareto front is gone; the guard cannot go back to it", here.string());
  }
}

/// All of it anew each time: a resumed or rolled back run leaves the same files as one that went straight.
void Guard::write_files() const {
  const auto front = pareto_front(points_);
  const auto kept = kept_steps();
  std::string lines;
  ordered_json points = ordered_json::array();
  for (size_t i = 0; i < points_.size(); ++i) {
    const ProbePoint& point = points_[i];
    ordered_json line = to_json(point);
    line.update(ordered_json{{"within_limit", !limit_.broken_by(point)},
                             {"decide", config::enum_name(config_.decide)},
                             {"max_drop", config_.max_drop}});
    lines += line.dump() + "\n";
    const bool on_front = std::find(front.begin(), front.end(), i) != front.end(),
               saved = kept.count(point.step) > 0 && !point.abandoned;
    ordered_json one = {
        {"step", point.step}, {"composition", point.composition}, {"forgetting", point.forgetting}, {"certain", point.certain}};
    for (const auto& kind : point.kinds) one["scores"][kind.name] = kind.score;
    one.update(
        ordered_json{{"within_limit", !limit_.broken_by(point)},
                     {"abandoned", point.abandoned},
                     {"on_front", on_front},
                     {"checkpoint", saved ? ordered_json("checkpoints/step_" + std::to_string(point.step)) : ordered_json()}});
    points.push_back(std::move(one));
  }
  ordered_json json = {{"max_drop", config_.max_drop},
                       {"decide", config::enum_name(config_.decide)},
                       {"action", config::enum_name(config_.action)},
                       {"rollbacks", rollbacks_},
                       {"stopped", stopped_},
                       {"best_step", points_.empty() ? ordered_json() : ordered_json(best_step())},
                       {"points", points}};
  if (chosen_) {
    ordered_json tried = ordered_json::array();
    for (const auto& [at, point] : alphas_)
      tried.push_back({{"alpha", at},
                       {"composition", point.composition},
                       {"forgetting", point.forgetting},
                       {"certain", point.certain},
                       {"within_limit", !limit_.broken_by(point)},
                       {"kinds", to_json(point.kinds)}});
    json["wise_ft"] = {{"alpha", *chosen_}, {"tried", tried}};
  }
  on_first(session_.world(), [&] {
    write_file_atomic(run_ / "guard.jsonl", lines);
    write_file_atomic(run_ / "pareto.json", json.dump(2) + "\n");
    draw(front);
  });
}

void Guard::draw(const std::vector<size_t>& front) const {
  LabelledSeries on{"Pareto front", {}, true}, off{"dominated", {}, false}, left{"given up by a rollback", {}, false},
      path{"WiSE-FT", {}, true};
  for (const size_t i : front)
    on.points.push_back({-points_[i].forgetting, points_[i].composition, std::to_string(points_[i].step)});
  for (size_t i = 0; i < points_.size(); ++i)
    if (std::find(front.begin(), front.end(), i) == front.end())
      (points_[i].abandoned ? left : off)
          .points.push_back({-points_[i].forgetting, points_[i].composition, std::to_string(points_[i].step)});
  for (const auto& one : alphas_)
    path.points.push_back({-one.point.forgetting, one.point.composition, fmt::format("alpha {:g}", one.alpha)});
  std::vector<LabelledSeries> series = {on};
  for (auto* more : {&off, &left, &path})
    if (!more->points.empty()) series.push_back(*more);
  for (const char* name : {"pareto.png", "pareto.svg"})
    write_trade_off_chart(run_ / name, "Probes by step", "zero-shot, retrieval: change of the worse one against step 0, points",
                          "composition: mean score %", series);
}

}  // namespace fsc::detail
