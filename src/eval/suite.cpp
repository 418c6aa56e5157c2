// Checks a suite against the catalog.
#include "fsc/eval/suite.h"

#include <algorithm>
#include <set>

#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/eval/benchmark.h"

namespace fsc {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

/// "; did you mean x?" and the list of all.
std::string suggestion(const std::string& word, const std::vector<std::string>& names) {
  const std::string near = nearest_name(word, names);
  return (near.empty() ? "" : "; did you mean " + near + "?") + std::string(" (there are: ") + joined(names) + ")";
}

/// Keys of a task that differ from their defaults.
std::set<std::string> keys_set(TaskConfig task) {
  TaskConfig defaults;
  std::set<std::string> keys;
  for (const auto& difference : config::diff(config::fields_of(defaults), config::fields_of(task))) keys.insert(difference.path);
  keys.erase("name");
  keys.erase("label");
  return keys;
}

void check_task(const TaskConfig& task, const std::string& path, config::Problems& problems) {
  if (task.name.empty()) return problems.add(path, "has no name; it must be one of the benchmarks that --help lists");
  const Benchmark* benchmark = find_benchmark(task.name);
  if (!benchmark) {
    std::vector<std::string> names;
    for (const auto& known : catalog()) names.push_back(known.name);
    return problems.add(path + ".name", "there is no benchmark '" + task.name + "'" + suggestion(task.name, names));
  }
  std::set<std::string> keys = keys_set(task);
  for (const auto& key : benchmark->required)
    if (!keys.erase(key)) problems.add(path + ".name", task.name + " needs the key " + key + " (" + benchmark->help + ")");
  for (const auto& key : benchmark->optional) keys.erase(key);
  for (const auto& key : keys) problems.add(path + "." + key, task.name + " does not use this key");
  const std::string& label = task.shown();
  const bool control = std::any_of(label.begin(), label.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (label[0] == '.' || control || label.find_first_of("/,\"") != std::string::npos || label.size() > 200)
    problems.add(path + ".label",
                 "'" + label + "' cannot name a file and a column: leave out slashes, commas, quotes and a dot at the beginning");
}

}  // namespace

void TaskConfig::fields(config::Collector& v) {
  v(name, "name", "Benchmark (see the list of tasks)");
  v(label, "label", "Name of its results, to tell two of one benchmark apart (empty = name)");
  v(root, "root", "Folder with the benchmark's own files");
  v(images, "images", "Folder of its images, or a map source: folder where it has several");
  v(classnames, "classnames", "File with one class name a line (empty = classnames.txt in root)");
  v(templates, "templates", "File with one template a line, {} or {c} stands for the class (empty = templates.txt in root)");
  source.fields(v);
}

void SuiteConfig::fields(config::Collector& v) {
  v.list(tasks, "tasks", "Benchmarks to run");
  v(batch_size, "batch_size", "Images or texts embedded at a time", config::between(1, 65536));
  v(workers, "workers", "Threads that decode images", config::between(1, 256));
  v.group(distributed, "distributed");
}

void SuiteConfig::validate(config::Problems& problems) const {
  if (tasks.empty()) problems.add("tasks", "lists no tasks");
  std::set<std::string> labels;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const std::string path = "tasks[" + std::to_string(i) + "]";
    check_task(tasks[i], path, problems);
    if (!tasks[i].name.empty() && !labels.insert(tasks[i].shown()).second)
      problems.add(problems.was_set(path + ".label") ? path + ".label" : path + ".name",
                   "a second task is called '" + tasks[i].shown() + "'; give one of them another label");
  }
}

SuiteConfig load_suite(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  return config::load<SuiteConfig>(file, overrides);
}

void select_tasks(SuiteConfig& suite, const std::vector<std::string>& wanted) {
  if (wanted.empty()) return;
  std::vector<std::string> known;
  for (const auto& task : suite.tasks)
    for (const auto& name : {task.shown(), task.name})
      if (std::find(known.begin(), known.end(), name) == known.end()) known.push_back(name);
  for (const auto& name : wanted)
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw UsageError("--tasks: the suite has no task '" + name + "'" + suggestion(name, known));
  std::erase_if(suite.tasks, [&](const TaskConfig& task) {
    return std::none_of(wanted.begin(), wanted.end(),
                        [&](const std::string& name) { return name == task.shown() || name == task.name; });
  });
}

}  // namespace fsc
