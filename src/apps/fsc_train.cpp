// fsc-train: trains what a config describes.
#include <CLI/CLI.hpp>

#include "apps/fsc_train_probe.h"
#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/core/main.h"
#include "fsc/core/stop.h"
#include "fsc/tensor/memory.h"
#include "fsc/train/run_config.h"
#include "fsc/train/trainer.h"

namespace {

int run(int argc, char** argv) {
  std::string config_path;
  std::vector<std::string> overrides;
  fsc::TrainOptions options;
  options.default_probe = fsc::default_probe_suite;
  CLI::App app("fsc-train: fine-tune CLIP on hard negatives", "fsc-train");
  app.add_option("--config", config_path, "YAML config; a bare name is also looked for in the configs folder")->required();
  app.add_option("--set", overrides, "key.path=value, over the config; may be given several times")
      ->take_all()
      ->allow_extra_args(false);
  app.add_option("--resume", options.resume, "auto = go on in output.dir, or the path of a run or checkpoint folder");
  app.add_flag("--dry-run", options.dry_run, "open every input, decode the first batch, print the plan, stop");
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
  fsc::init_logging();
  const auto config = fsc::config::load<fsc::RunConfig>(fsc::config_file(config_path), overrides);
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
