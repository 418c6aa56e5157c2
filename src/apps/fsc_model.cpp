// fsc-model: checkpoints in, checkpoints out.
#include <CLI/CLI.hpp>

#include "apps/fsc_model_commands.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/core/main.h"
#include "fsc/tensor/memory.h"

namespace {

int body(int argc, char** argv) {
  fsc::init_logging();
  CLI::App app("Looks at checkpoints, converts, merges and averages them.", "fsc-model");
  app.require_subcommand(1);
  add_info(app);
  add_convert(app);
  add_wise_ft(app);
  add_soup(app);
  add_lora_commands(app);
  add_runs(app);
  try {
    app.parse(argc, argv);  // runs the subcommand's callback
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(fsc::ExitCode::kUsage);
  }
  return static_cast<int>(fsc::ExitCode::kDone);
}

}  // namespace

int main(int argc, char** argv) {
  return fsc::run_main("fsc-model", body, argc, argv,
                       {"the models do not fit; for soup --greedy lower the suite's batch_size (--set batch_size=16)",
                        fsc::torch_memory_shortage});
}
