// The job's files lie in the run's folder, so that it can be submitted again as it was.
#include "apps/fsc_train_submit.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>

#include "fsc/core/atomic_file.h"
#include "fsc/slurm/submit.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

/// Options named as sbatch's, and the key of the section that each stands for.
constexpr std::array<std::array<const char*, 2>, 9> kShort = {{{"nodes", "nodes"},
                                                               {"ntasks-per-node", "tasks_per_node"},
                                                               {"gpus-per-node", "gpus_per_node"},
                                                               {"cpus-per-task", "cpus_per_task"},
                                                               {"time", "time"},
                                                               {"mem", "mem"},
                                                               {"partition", "partition"},
                                                               {"account", "account"},
                                                               {"qos", "qos"}}};

}  // namespace

void SubmitOptions::declare(CLI::App& app, CLI::Option* resume) {
  auto* submit = app.add_flag("--submit", wanted_,
                              "hand the run to SLURM as the section slurm: says; it goes on from its last checkpoint by itself. "
                              "With --dry-run the script is only printed");
  submit->excludes(resume);
  values_.resize(kShort.size());
  for (size_t i = 0; i < kShort.size(); ++i)
    app.add_option(std::string("--") + kShort[i][0], values_[i], std::string("with --submit: slurm.") + kShort[i][1])
        ->needs(submit);
}

std::vector<std::string> SubmitOptions::overrides() const {
  std::vector<std::string> overrides;
  for (size_t i = 0; i < kShort.size(); ++i)
    if (!values_[i].empty()) overrides.push_back(std::string("slurm.") + kShort[i][1] + "=" + values_[i]);
  return overrides;
}

void submit_run(RunConfig config, bool only_show) {
  const fs::path output = fs::absolute(config.output.dir).lexically_normal(), saved = output / "submit.yaml",
                 script = output / "submit.sbatch";
  BatchJob job;
  job.name = "fsc-" + (output.has_filename() ? output : output.parent_path()).filename().string();
  job.program = config.slurm.container.empty() ? fs::read_symlink("/proc/self/exe").string() : "fsc-train";
  job.folder = fs::current_path();
  job.log_folder = output;
  job.arguments = {"--config", saved.string()};
  const std::string text = batch_script(config.slurm, job);
  if (only_show) {
    std::fputs(text.c_str(), stdout);
    return;
  }
  make_directories(output);
  write_file_atomic(saved, config::to_yaml(config::fields_of(config)));
  write_file_atomic(script, text);
  submit_script(script);
  spdlog::info("submitted {}; its log is {}", script.string(), (output / "slurm-JOB.log").string());
}

}  // namespace fsc
