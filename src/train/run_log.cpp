// metrics.jsonl with floats that read back exactly, and the curve drawn from it.
#include "fsc/train/run_log.h"

#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/report/plot.h"

namespace fsc {
namespace fs = std::filesystem;
using nlohmann::ordered_json;
namespace {

using Scalars = std::vector<std::pair<std::string, double>>;

/// The numbers of a line that are also TensorBoard's, in their order.
Scalars scalars_of(const Metrics& m) {
  Scalars all = {{"loss", m.loss}};
  all.insert(all.end(), m.terms.begin(), m.terms.end());
  all.insert(all.end(), {{"lr", m.lr},
                         {"logit_scale", m.logit_scale},
                         {"grad_norm", m.grad_norm},
                         {"samples_per_second", m.samples_per_second},
                         {"data_seconds", m.data_seconds},
                         {"step_seconds", m.step_seconds}});
  if (m.comm_seconds > 0) all.emplace_back("comm_seconds", m.comm_seconds);
  return all;
}

fs::path metrics_path(const fs::path& run) { return run / "metrics.jsonl"; }

/// Keeps the whole lines up to `last_step`: a killed run may have written more, and half a line.
void drop_lines_after(const fs::path& path, int64_t last_step) {
  std::ifstream file(path);
  std::string kept;
  for (std::string line; std::getline(file, line);) {
    const auto json = ordered_json::parse(line, nullptr, false);
    if (json.is_object() && json.contains("step") && json["step"].is_number_integer() && json["step"] <= last_step)
      kept += line + "\n";
  }
  write_file_atomic(path, kept);
}

}  // namespace

RunLog::RunLog(const fs::path& run, int64_t first_step, bool tensorboard) : run_(run) {
  drop_lines_after(metrics_path(run), first_step);
  metrics_.open(metrics_path(run), std::ios::app);
  if (!metrics_) throw_io_error(metrics_path(run), "write", errno);
  if (tensorboard)
    events_ = std::make_unique<EventWriter>(run, first_step > 0 ? first_step + 1 : 0);  // it drops from its step on, that one too
}

void RunLog::write(const Metrics& m) {
  const Scalars numbers = scalars_of(m);
  ordered_json line = {{"step", m.step}, {"epoch", m.epoch}, {"samples", m.samples}};
  for (const auto& [name, value] : numbers) line[name] = value;
  if (!m.rank_samples_per_second.empty()) line["rank_samples_per_second"] = m.rank_samples_per_second;
  if (!(metrics_ << line.dump() << '\n' << std::flush)) throw_io_error(metrics_path(run_), "write", errno);
  if (!events_) return;
  Scalars tagged;
  for (const auto& [name, value] : numbers) tagged.emplace_back("train/" + name, value);
  events_->scalars(m.step, tagged);
}

void draw_loss_curve(const fs::path& run, const std::vector<std::string>& terms) {
  std::vector<Series> series = {{"loss", {}}};
  for (const auto& term : terms) series.push_back({term, {}});
  std::ifstream file(metrics_path(run));
  for (std::string line; std::getline(file, line);) {
    const auto json = ordered_json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    for (auto& one : series)
      if (json.contains(one.name) && json[one.name].is_number())
        one.points.emplace_back(json["step"].get<double>(), json[one.name].get<double>());
  }
  std::erase_if(series, [](const Series& one) { return one.points.empty(); });
  if (!series.empty()) write_line_chart(run / "loss_curve.png", "Training loss", "step", series);
}

}  // namespace fsc
