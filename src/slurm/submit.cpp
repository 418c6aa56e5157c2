// scripts/slurm/train.sbatch becomes the batch script of one training.
#include "fsc/slurm/submit.h"

#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "fsc/core/error.h"
#include "slurm/detail_template.h"

extern char** environ;

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr const char* kOption = "#SBATCH ";
constexpr const char* kOwnLines = "# fsc-train --submit puts its lines here.";

/// As one word of a shell.
std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? "'\\''" : std::string(1, c);
  return word + "'";
}

/// "--name" of "--name=value" and "--name value".
std::string name_of(const std::string& option) { return option.substr(0, option.find_first_of("= ")); }

/// The options of the section and the job, each as it stands behind #SBATCH; sbatch reads double quotes as a shell does.
std::vector<std::string> options_of(const SlurmConfig& config, const BatchJob& job) {
  std::vector<std::string> options;
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) options.push_back(std::string("--") + name + "=\"" + value + "\"");
  };
  const auto number = [&](const char* name, int64_t value) {
    if (value > 0) options.push_back(std::string("--") + name + "=" + std::to_string(value));
  };
  text("job-name", job.name);
  text("chdir", job.folder.string());
  text("output", (job.log_folder / "slurm-%j.log").string());
  text("partition", config.partition);
  text("account", config.account);
  text("qos", config.qos);
  text("constraint", config.constraint);
  number("nodes", config.nodes);
  number("ntasks-per-node", config.tasks_per_node);
  number("gpus-per-node", config.gpus_per_node);
  number("cpus-per-task", config.cpus_per_task);
  text("time", config.time);
  text("mem", config.mem);
  options.push_back("--signal=B:USR1@" + std::to_string(config.signal_seconds));
  options.insert(options.end(), config.extra.begin(), config.extra.end());
  return options;
}

std::string own_lines(const SlurmConfig& config, const BatchJob& job) {
  std::string lines;
  if (!config.prologue.empty()) {  // called once signals are waited for
    lines += "prologue() {\n";
    for (const auto& line : config.prologue) lines += "  " + line + "\n";
    lines += "}\n";
  }
  if (!config.container.empty()) lines += "FSC_CONTAINER=" + quoted(config.container) + "\n";
  lines += "FSC_TRAIN=" + quoted(job.program) + "\nset --";
  for (const auto& argument : job.arguments) lines += " " + quoted(argument);
  return lines + "\n";
}

}  // namespace

std::string batch_script(const SlurmConfig& config, const BatchJob& job) {
  const auto options = options_of(config, job);
  const auto given = [&](const std::string& option) {
    for (const auto& other : options)
      if (name_of(other) == name_of(option)) return true;
    return false;
  };
  std::string script, line;
  bool asked = false;
  for (std::istringstream text(detail::kTrainSbatch); std::getline(text, line);) {
    if (line.starts_with(kOption) && given(line.substr(std::strlen(kOption)))) continue;
    if (line == kOwnLines) {
      script += own_lines(config, job);
      continue;
    }
    script += line + "\n";
    if (asked) continue;  // behind the first line, which names the shell
    for (const auto& option : options) script += kOption + option + "\n";
    asked = true;
  }
  return script;
}

void submit_script(const fs::path& script) {
  std::string program = "sbatch", path = script.string();
  char* words[] = {program.data(), path.data(), nullptr};
  pid_t pid = 0;
  const int problem = ::posix_spawnp(&pid, "sbatch", nullptr, nullptr, words, environ);
  if (problem != 0)
    throw Error("cannot start sbatch (" + std::string(std::strerror(problem)) +
                "): it is where the cluster takes jobs, outside of containers. There type:  sbatch " + path);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error("sbatch refused the job (see above); mend the slurm: section, or " + path + " itself and type:  sbatch " + path);
}

}  // namespace fsc
