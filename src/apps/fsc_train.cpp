// fsc-train: trains what a config describes.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "apps/fsc_train_probe.h"
#include "apps/fsc_train_submit.h"
#include "apps/local_processes.h"
#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/core/main.h"
#include "fsc/core/stop.h"
#include "fsc/tensor/memory.h"
#include "fsc/train/run_config.h"
#include "fsc/train/trainer.h"

namespace {

/// --print: a key's value, a text as it is.
void print_value(fsc::RunConfig config, const std::string& key) {
  std::vector<std::string> keys;
  for (const auto& field : fsc::config::fields_of(config)) {
    keys.push_back(field.path);
    if (field.path != key) continue;
    const auto* text = std::get_if<std::string*>(&field.value);
    std::printf("%s\n", text ? (*text)->c_str() : field.text().c_str());
    return;
  }
  const std::string near = fsc::nearest_name(key, keys);
  throw fsc::UsageError("--print: the config has no key " + key + (near.empty() ? "" : "; did you mean " + near + "?"));
}

int run(int argc, char** argv) {
  std::string config_path, key;
  fsc::SubmitOptions submit;
  std::vector<std::string> overrides;
  fsc::TrainOptions options;
  options.default_probe = fsc::default_probe_suite;
  CLI::App app("fsc-train: fine-tune CLIP on hard negatives", "fsc-train");
  app.add_option("--config", config_path, "YAML config; a bare name is also looked for in the configs folder")->required();
  app.add_option("--set", overrides, "key.path=value, over the config; may be given several times")
      ->take_all()
      ->allow_extra_args(false);
  auto* resume =
      app.add_option("--resume", options.resume, "auto = go on in output.dir, or the path of a run or checkpoint folder");
  fsc::LocalProcesses processes;
  processes.declare(app);
  app.add_option(
      "--simulate-fault", options.simulate_fault,
      "kill, stop, slow, full-disk or term, @STEP, and :RANK where it is not the last one: to see what a run does then");
  app.add_flag("--dry-run", options.dry_run, "open every input, decode the first batch, print the plan, stop");
  app.add_option("--print", key, "print the value that a key of the config has, as output.dir, and stop");
  submit.declare(app, resume);
  app.footer([] {
    fsc::RunConfig defaults;
    return "\nKeys of the config, with their defaults:\n" + fsc::config::help_text(fsc::config::fields_of(defaults)) +
           "\nExit codes: 0 done, 1 failed, 2 bad command line or config, 75 stopped by a signal after saving\n";
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(fsc::ExitCode::kUsage);
  }
  if (processes.wanted()) return processes.run(argc, argv);
  fsc::init_logging();
  for (const auto& override : submit.overrides()) overrides.push_back(override);
  const auto config = fsc::config::load<fsc::RunConfig>(fsc::config_file(config_path), overrides);
  if (!key.empty()) {
    print_value(config, key);
    return static_cast<int>(fsc::ExitCode::kDone);
  }
  if (submit.wanted()) {
    fsc::submit_run(config, options.dry_run);
    return static_cast<int>(fsc::ExitCode::kDone);
  }
  return static_cast<int>(fsc::train(config, options));
}

}  // namespace

#if !defined(__SANITIZE_ADDRESS__)  // its runtime is not there yet at that time
/// LibTorch's own initialisation takes a tenth of a second before main(); a signal is not to kill the program there either.
__attribute__((section(".preinit_array"), used)) void (*const g_before_all_else)() = [] { fsc::install_stop_signals(); };
#endif

int main(int argc, char** argv) {
  fsc::install_stop_signals();
  return fsc::run_main("fsc-train", run, argc, argv,
                       {"lower train.batch_size (train.accum_freq keeps the step's size), set train.grad_checkpointing: true, or "
                        "lower data.prefetch; "
                        "checkpoints are as they were",
                        fsc::torch_memory_shortage});
}
