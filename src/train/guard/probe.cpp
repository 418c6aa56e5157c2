// Opens the probe's suite and scores it without a trace in the training.
#include "train/guard/detail_probe.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "fsc/core/assets.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/tensor/autocast.h"

namespace fsc {
namespace {

bool is_composition(const TaskConfig& task) { return find_benchmark(task.name)->kind == TaskKind::kComposition; }

}  // namespace

bool has_composition(const SuiteConfig& suite) { return std::any_of(suite.tasks.begin(), suite.tasks.end(), is_composition); }

bool has_forgettable(const SuiteConfig& suite) { return !std::all_of(suite.tasks.begin(), suite.tasks.end(), is_composition); }

namespace detail {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kPixelBytes = int64_t{512} << 20;  // decoded images kept from probe to probe

SuiteConfig named_suite(const std::string& name) {
  SuiteConfig suite = load_suite(config_file(name));
  if (!has_composition(suite))
    throw UsageError("guard.suite: " + name +
                     " has no composition task (such as sugarcrepe): the guard weighs what is gained against what is forgotten");
  if (!has_forgettable(suite))
    throw UsageError("guard.suite: " + name +
                     " has neither a zeroshot nor a retrieval task: there is nothing that could be forgotten");
  return suite;
}

}  // namespace

SuiteConfig suite_of_probe(const GuardConfig& config, const fs::path& run, const ProbeSuite& default_suite) {
  if (!config.suite.empty()) return named_suite(config.suite);
  TORCH_CHECK(default_suite, "guard.suite is empty, and who started the run gave no suite for it");
  return default_suite(run);
}

Probe::Probe(const SuiteConfig& suite, int64_t items, std::shared_ptr<World> world) {
  suite_ = std::make_unique<PreparedSuite>(suite, items, std::move(world));
  suite_->be_quiet();
  suite_->keep_pixels(kPixelBytes);
  std::string identity, tasks;
  for (const auto& task : suite.tasks) {
    identity += task.name + "\n" + task.shown() + "\n";
    tasks += (tasks.empty() ? "" : ", ") + task.shown();
  }
  fingerprint_ = sha256_hex(identity + suite_->inputs().listing());
  spdlog::info("guard: the probe has {} images and {} texts of {}", images(), texts(), tasks);
}

Outcomes Probe::score(LoadedModel model, const Tokenizer& tokenizer, Precision precision) const {
  model.model->eval();
  const Autocast autocast(precision, model.model->logit_scale.device().type());
  try {
    Outcomes outcomes = outcomes_of(suite_->run(model, tokenizer, ""));
    model.model->train();
    return outcomes;
  } catch (...) {
    model.model->train();
    throw;
  }
}

int64_t Probe::tokens(const Tokenizer& tokenizer, int64_t context_length) const {
  int64_t count = 0;
  for (const auto& text : suite_->inputs().texts())
    count += tokenizer.fills_context() ? context_length : static_cast<int64_t>(tokenizer.encode(text, context_length).size());
  return count;
}

}  // namespace detail
}  // namespace fsc
