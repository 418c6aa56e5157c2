// The benchmarks that are at hand, completed by the synthetic world's.
#include "apps/fsc_train_probe.h"

#include <algorithm>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/synth/synth.h"
#include "fsc/train/probe_suite.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kWorldSeed = 20241112;  // not one that a user would train or test on

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
  const bool composition = !has_composition(suite), forgetting = !has_forgettable(suite);
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

}  // namespace

SuiteConfig default_probe_suite(const fs::path& run) {
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

}  // namespace fsc
