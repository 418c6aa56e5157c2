// The suite of fsc-eval: which benchmarks, and where their files lie.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/data/data_config.h"
#include "fsc/dist/layout.h"

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

  void fields(config::Collector& v);
  const std::string& shown() const { return label.empty() ? name : label; }
};

struct SuiteConfig {
  std::vector<TaskConfig> tasks;
  int64_t batch_size = 64;
  int64_t workers = 2;
  MeetingConfig distributed;  ///< of fsc-eval's ranks; a probe is shared by those of its training

  void fields(config::Collector& v);
  /// Unknown benchmarks, keys that are missing or not used by the benchmark, labels given twice or unfit as a file name.
  void validate(config::Problems& problems) const;
};

/// Reads a suite (defaults < file < overrides). UsageError with all problems.
SuiteConfig load_suite(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

/// Keeps the tasks whose label or name is in `wanted`; nothing wanted keeps all. UsageError for a name that no task has.
void select_tasks(SuiteConfig& suite, const std::vector<std::string>& wanted);

}  // namespace fsc
