// Chooses the probe's tasks and scores them without a trace in the training.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "detail_probe.h"
#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/synth/synth.h"
#include "fsc/tensor/autocast.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kPixelBytes = int64_t{512} << 20;  // decoded images kept from probe to probe
constexpr uint64_t kWorldSeed = 20241112;            // not one that a user would train or test on

bool is_composition(const TaskConfig& task) { return find_benchmark(task.name)->kind == TaskKind::kComposition; }

bool has(const SuiteConfig& suite, bool composition) {
  return std::any_of(suite.tasks.begin(), suite.tasks.end(),
                     [&](const TaskConfig& task) { return is_composition(task) == composition; });
}

/// Whether everything a task names exists.
bool is_there(const TaskConfig& task) {
  std::vector<std::string> paths = {task.root, task.classnames, task.templates, task.source.path};
  for (const auto& [source, folder] : task.images) paths.push_back(folder);
  std::error_code error;
  return std::all_of(paths.begin(), paths.end(),
                     [&](const std::string& path) { return path.empty() || fs::exists(path, error); });
}

TaskConfig task_of(const std::string& name, const std::string& label) {
  TaskConfig task;
  task.name = name;
  task.label = label;
  return task;
}

/// The synthetic world's tests of what `suite` lacks; a world without training images takes a second to draw.
void add_synthetic(SuiteConfig& suite, const fs::path& world) {
  const bool composition = !has(suite, true), forgetting = !has(suite, false);
  if (!composition && !forgetting) return;
  SynthConfig config;
  config.seed = kWorldSeed;
  config.train = 1;
  make_directories(world.parent_path());
  make_world(config, world);
  if (composition) {
    auto task = task_of("sugarcrepe", "synthetic_sugarcrepe");
    task.root = (world / "sugarcrepe").string();
    task.images = {{"", (world / "images" / "test").string()}};
    suite.tasks.push_back(task);
  }
  if (!forgetting) return;
  auto zeroshot = task_of("zeroshot", "synthetic_zeroshot");
  zeroshot.root = (world / "zeroshot").string();
  auto retrieval = task_of("retrieval", "synthetic_retrieval");
  retrieval.source.path = (world / "retrieval.tsv").string();
  suite.tasks.push_back(zeroshot);
  suite.tasks.push_back(retrieval);
}

SuiteConfig default_suite(const fs::path& run) {
  SuiteConfig suite;
  for (const char* name : {"eval/sugarcrepe.yaml", "eval/zeroshot.yaml", "eval/retrieval.yaml"}) {
    const fs::path file = find_config(name);
    if (file.empty()) continue;
    for (const auto& task : load_suite(file).tasks)
      if (is_there(task)) suite.tasks.push_back(task);
  }
  add_synthetic(suite, run / "probe" / "world");
  return suite;
}

SuiteConfig named_suite(const std::string& name) {
  SuiteConfig suite = load_suite(config_file(name));
  if (!has(suite, true))
    throw UsageError("guard.suite: " + name +
                     " has no composition task (such as sugarcrepe): the guard weighs what is gained against what is forgotten");
  if (!has(suite, false))
    throw UsageError("guard.suite: " + name +
                     " has neither a zeroshot nor a retrieval task: there is nothing that could be forgotten");
  return suite;
}

}  // namespace

Probe::Probe(const GuardConfig& config, const fs::path& run) {
  const SuiteConfig suite = config.suite.empty() ? default_suite(run) : named_suite(config.suite);
  suite_ = std::make_unique<PreparedSuite>(suite, config.items);
  suite_->be_quiet();
  suite_->keep_pixels(kPixelBytes);
  std::string identity, tasks;
  for (const auto& task : suite.tasks) {
    identity += task.name + "\n" + task.shown() + "\n";
    tasks += (tasks.empty() ? "" : ", ") + task.shown();
  }
  for (const auto& text : suite_->inputs().texts()) identity += text + "\n";
  for (const auto& image : suite_->inputs().images()) identity += image.name() + "\n";
  fingerprint_ = sha256_hex(identity);
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

}  // namespace fsc
