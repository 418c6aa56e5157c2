// Reads a suite's annotations once, then embeds and scores model after model.
#include "fsc/eval/evaluate.h"

#include <c10/core/InferenceMode.h>
#include <spdlog/spdlog.h>

#include <chrono>

#include "fsc/core/log.h"
#include "fsc/eval/embedder.h"

namespace fsc {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The mean score of each kind of task that occurs.
std::vector<std::pair<std::string, double>> averages_of(const std::vector<TaskResult>& tasks) {
  std::vector<std::pair<std::string, double>> averages;
  for (const auto kind : {TaskKind::kComposition, TaskKind::kZeroShot, TaskKind::kRetrieval}) {
    double sum = 0, count = 0;
    for (const auto& task : tasks)
      if (task.kind == kind) sum += task.score, ++count;
    if (count > 0) averages.emplace_back(kind_name(kind), sum / count);
  }
  return averages;
}

}  // namespace

PreparedSuite::PreparedSuite(const SuiteConfig& config) : config_(config) {
  for (const auto& task : config_.tasks) {
    const Benchmark* benchmark = find_benchmark(task.name);
    TORCH_CHECK(benchmark, "unvalidated suite: no benchmark ", task.name);
    tasks_.push_back({task.shown(), benchmark->kind, benchmark->make(task, inputs_)});
  }
  check_images(inputs_.images());
}

EvalResult PreparedSuite::run(LoadedModel& model, const Tokenizer& tokenizer, const std::string& model_name) const {
  const double begin = now();
  ProgressLine line;
  const std::string prefix = model_name.empty() ? "embedding" : model_name + ": embedding";
  const Embeddings embeddings =
      embed(model, tokenizer, inputs_, {config_.batch_size, config_.workers}, [&](const char* what, int64_t done, int64_t total) {
        line.show(fmt::format("{} {} {}/{}  {}", prefix, what, done, total, format_duration(now() - begin)));
      });
  line.finish();
  const double embedded = now();
  c10::InferenceMode inference;
  EvalResult result{model_name, {}, {}};
  for (const auto& entry : tasks_) {
    TaskResult task = entry.task->score(embeddings);
    task.label = entry.label;
    task.kind = entry.kind;
    result.tasks.push_back(std::move(task));
  }
  result.averages = averages_of(result.tasks);
  spdlog::info("{}embedded {} images and {} texts ({} distinct) in {}, scored in {}", model_name.empty() ? "" : model_name + ": ",
               inputs_.images().size(), inputs_.texts().size(), embeddings.texts_UD.size(0), format_duration(embedded - begin),
               format_duration(now() - embedded));
  return result;
}

EvalResult evaluate(LoadedModel& model, const SuiteConfig& suite, const Tokenizer& tokenizer, const std::string& model_name) {
  return PreparedSuite(suite).run(model, tokenizer, model_name);
}

}  // namespace fsc
