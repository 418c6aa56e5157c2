// fsc-train --submit: the run as a batch job of SLURM.
#pragma once
#include <string>
#include <vector>

#include "fsc/train/run_config.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace fsc {

/// --submit and the options that stand for keys of the slurm: section.
class SubmitOptions {
 public:
  /// `resume` has no meaning with --submit.
  void declare(CLI::App& app, CLI::Option* resume);
  bool wanted() const { return wanted_; }
  /// What was given, as overrides of the config.
  std::vector<std::string> overrides() const;

 private:
  bool wanted_ = false;
  std::vector<std::string> values_;
};

/// Writes the resolved config and the script into output.dir (submit.yaml, submit.sbatch) and has sbatch take it. With
/// `only_show` the script is printed and nothing written.
void submit_run(RunConfig config, bool only_show);

}  // namespace fsc
