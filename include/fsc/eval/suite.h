// The suite of fsc-eval: which benchmarks, and where their files lie.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/data/data_config.h"

namespace fsc {

/// One entry of `tasks:`. Which keys a benchmark needs and which it may have stands in its line of the catalog.
struct TaskConfig {
  std::string name;
  std::string label;  ///< name of the results; empty = `name`
  std::string root;
  config::StringMap images;
  std::string classnames;
  std::string templates;
  SourceConfig source;

  template <class V>
  void fields(V& v) {
    v(name, "name", "Benchmark (see the list of tasks)");
    v(label, "label", "Name of its results, to tell two of one benchmark apart (empty = name)");
    v(root, "root", "Folder with the benchmark's own files");
    v(images, "images", "Folder of its images, or a map source: folder where it has several");
    v(classnames, "classnames", "File with one class name a line (empty = classnames.txt in root)");
    v(templates, "templates", "File with one template a line, {} or {c} stands for the class (empty = templates.txt in root)");
    source.fields(v);
  }
  const std::string& shown() const { return label.empty() ? name : label; }
};

struct SuiteConfig {
  std::vector<TaskConfig> tasks;
  int64_t batch_size = 64;
  int64_t workers = 2;

  template <class V>
  void fields(V& v) {
    v.list(tasks, "tasks", "Benchmarks to run");
    v(batch_size, "batch_size", "Images or texts embedded at a time", config::between(1, 65536));
    v(workers, "workers", "Threads that decode images", config::between(1, 256));
  }
  /// Unknown benchmarks, keys that are missing or not used by the benchmark, labels given twice or unfit as a file name.
  void validate(config::Problems& problems) const;
};

/// Reads a suite (defaults < file < overrides). UsageError with all problems.
SuiteConfig load_suite(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

/// Keeps the tasks whose label or name is in `wanted`; nothing wanted keeps all. UsageError for a name that no task has.
void select_tasks(SuiteConfig& suite, const std::vector<std::string>& wanted);

}  // namespace fsc
