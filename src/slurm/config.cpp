// The options of the slurm: section and what they may hold.
#include <regex>

#include "fsc/slurm/submit.h"

namespace fsc {

void SlurmConfig::fields(config::Collector& v) {
  using config::at_least;
  v(partition, "partition", "Partition of the cluster (empty = its default)");
  v(account, "account", "Account that is charged");
  v(qos, "qos", "Quality of service");
  v(constraint, "constraint", "Features that the nodes must have, such as a100|h100");
  v(nodes, "nodes", "Nodes", at_least(1));
  v(tasks_per_node, "tasks_per_node", "Processes a node; on GPUs one each", at_least(1));
  v(gpus_per_node, "gpus_per_node", "GPUs a node (0 = not asked for)", at_least(0));
  v(cpus_per_task, "cpus_per_task", "Cores a process (0 = the cluster's default)", at_least(0));
  v(time, "time", "Time limit, as 4:00:00, 1-12 or minutes; at the limit the job saves and is queued again");
  v(mem, "mem", "Memory a node, as 64G");
  v(signal_seconds, "signal_seconds", "Seconds before the limit at which the job is told to save; a step and a save must fit in",
    config::between(1, 65535));
  v(container, "container", "Words before fsc-train, such as: apptainer exec --nv fsc.sif");
  v(prologue, "prologue", "Shell commands that the job begins with, such as: module load cuda");
  v(extra, "extra", "Further options of sbatch, such as: --exclusive");
}

void SlurmConfig::validate(config::Problems& problems) const {
  static const std::regex limit(R"((\d+|\d+:\d+|\d+:\d+:\d+|\d+-\d+(:\d+){0,2}|infinite|UNLIMITED)?)"), size(R"((\d+[KMGT]?)?)");
  if (!std::regex_match(time, limit))
    problems.add("slurm.time", "'" + time + "' is no time limit of SLURM's; write minutes, hours:minutes:seconds or days-hours");
  if (!std::regex_match(mem, size)) problems.add("slurm.mem", "'" + mem + "' is no size; write it as 64G");
  const auto one_line = [&](const char* key, const std::string& text) {
    if (text.find('\n') != std::string::npos) problems.add(key, "has a line break; each line is an element of its own");
  };
  for (const auto& [key, text] : {std::pair{"slurm.partition", partition},
                                  {"slurm.account", account},
                                  {"slurm.qos", qos},
                                  {"slurm.constraint", constraint},
                                  {"slurm.container", container}})
    one_line(key, text);
  for (const auto& line : prologue) one_line("slurm.prologue", line);
  for (const auto& option : extra) {
    one_line("slurm.extra", option);
    if (!option.starts_with("-"))
      problems.add("slurm.extra", "'" + option + "' is no option of sbatch; write it as --name=value");
  }
}

}  // namespace fsc
