// The slurm: section of a config, and the batch job that it makes of a training.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/config/config.h"

namespace fsc {

/// slurm.*: what fsc-train --submit asks SLURM for. An empty text or 0 leaves it to the cluster.
struct SlurmConfig {
  std::string partition, account, qos, constraint;
  int64_t nodes = 1, tasks_per_node = 1, gpus_per_node = 0, cpus_per_task = 0;
  std::string time, mem;
  int64_t signal_seconds = 120;
  std::string container;
  std::vector<std::string> prologue, extra;

  void fields(config::Collector& v);
  void validate(config::Problems& problems) const;
};

/// A training as a batch job sees it.
struct BatchJob {
  std::string name;
  std::string program;           ///< fsc-train, as the nodes find it
  std::filesystem::path folder;  ///< where it is started
  std::filesystem::path log_folder;
  std::vector<std::string> arguments;  ///< of the program
};

/// scripts/slurm/train.sbatch with the section's options, its prologue and the job's arguments in it.
std::string batch_script(const SlurmConfig& config, const BatchJob& job);

/// Has sbatch take the script; sbatch says the job's number itself. Error: there is no sbatch here, or it refuses.
void submit_script(const std::filesystem::path& script);

}  // namespace fsc
