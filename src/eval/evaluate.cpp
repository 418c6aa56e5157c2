// Reads a suite's annotations once, then embeds and scores model after model.
#include "fsc/eval/evaluate.h"

#include <c10/core/InferenceMode.h>
#include <spdlog/spdlog.h>

#include "fsc/core/clock.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/dist/together.h"
#include "fsc/eval/embedder.h"
#include "fsc/tensor/autocast.h"

namespace fsc {
std::vector<std::pair<std::string, double>> averages_of(const std::vector<TaskResult>& tasks) {
  std::vector<std::pair<std::string, double>> averages;
  for (const auto kind : {TaskKind::kComposition, TaskKind::kZeroShot, TaskKind::kRetrieval}) {
    std::vector<double> scores;
    for (const auto& task : tasks)
      if (task.kind == kind) scores.push_back(task.total.score);
    if (!scores.empty()) averages.emplace_back(kind_name(kind), mean_of(scores));
  }
  return averages;
}

double score_by(const EvalResult& result, const std::string& by, const std::string& option) {
  std::vector<double> scores;
  std::string known = "average";
  for (const auto& [kind, score] : result.averages) {
    if (kind == by) return score;
    scores.push_back(score);
    known += ", " + kind;
  }
  for (const auto& task : result.tasks) {
    if (task.label == by) return task.total.score;
    known += ", " + task.label;
  }
  if (by == "average" && !scores.empty()) return mean_of(scores);
  throw UsageError(option + ": the suite has no score '" + by + "'; there are: " + known);
}

PreparedSuite::PreparedSuite(const SuiteConfig& config, int64_t max_items, std::shared_ptr<World> world)
    : config_(config), world_(std::move(world)) {
  on_all(*world_, [&] { read_tasks(max_items); });
  check_images(inputs_.images(), options());
}

void PreparedSuite::read_tasks(int64_t max_items) {
  for (const auto& task : config_.tasks) {
    const Benchmark* benchmark = find_benchmark(task.name);
    TORCH_CHECK(benchmark, "unvalidated suite: no benchmark ", task.name);
    tasks_.push_back({task.shown(), benchmark, benchmark->read(task)});
    if (max_items > 0) tasks_.back().task->keep(max_items);
    tasks_.back().task->add_inputs(inputs_);
  }
}

void PreparedSuite::keep_pixels(int64_t bytes) { pixels_ = std::make_shared<PixelCache>(bytes); }

EvalResult PreparedSuite::run(LoadedModel& model, const Tokenizer& tokenizer, const std::string& model_name,
                              const Compute& compute) const {
  model.model->to(compute.device);
  const Autocast autocast(compute.precision, compute.device.type());
  return run(model, tokenizer, model_name);
}

EvalResult PreparedSuite::run(LoadedModel& model, const Tokenizer& tokenizer, const std::string& model_name) const {
  const auto begin = Clock::now();
  ProgressLine line;
  const std::string prefix = model_name.empty() ? "embedding" : model_name + ": embedding";
  const Embeddings embeddings = embed(model, tokenizer, inputs_, options(), [&](const char* what, int64_t done, int64_t total) {
    if (!quiet_ && world_->is_first())
      line.show(fmt::format("{} {} {}/{}  {}", prefix, what, done, total, format_duration(seconds_since(begin))));
  });
  line.finish();
  const double embedding_seconds = seconds_since(begin);
  const auto embedded = Clock::now();
  c10::InferenceMode inference;
  const NoAutocast plain;  // a caller's autocast is for the model only
  EvalResult result{model_name, {}, {}};
  for (const auto& [label, benchmark, task] : tasks_) {
    Findings findings = task->score(embeddings);
    result.tasks.push_back(
        {label, benchmark->kind, benchmark->rules, aggregate(findings, benchmark->rules), std::move(findings.outcomes)});
  }
  result.averages = averages_of(result.tasks);
  if (quiet_) return result;
  spdlog::info("{}embedded {} images and {} texts ({} distinct) in {}, scored in {}", model_name.empty() ? "" : model_name + ": ",
               inputs_.images().size(), inputs_.texts().size(), embeddings.texts_UD.size(0), format_duration(embedding_seconds),
               format_duration(seconds_since(embedded)));
  return result;
}

EvalResult evaluate(LoadedModel& model, const SuiteConfig& suite, const Tokenizer& tokenizer, const std::string& model_name) {
  return PreparedSuite(suite).run(model, tokenizer, model_name);
}

}  // namespace fsc
