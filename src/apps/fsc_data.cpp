// fsc-data: makes, packs, checks and times data sets.
#include <CLI/CLI.hpp>

#include "apps/fsc_data_commands.h"
#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/core/main.h"
#include "fsc/tensor/memory.h"

namespace {

int run(int argc, char** argv) {
  fsc::init_logging();
  CLI::App app("fsc-data: data sets in, data sets out", "fsc-data");
  app.require_subcommand(1);
  fsc::add_synth(app);
  fsc::add_negatives(app);
  fsc::add_pack(app);
  fsc::add_check(app);
  fsc::add_bench(app);
  try {
    app.parse(argc, argv);  // runs the subcommand's callback
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(fsc::ExitCode::kUsage);
  }
  return static_cast<int>(fsc::ExitCode::kDone);
}

}  // namespace

int main(int argc, char** argv) {
  return fsc::run_main("fsc-data", run, argc, argv,
                       {"lower --threads, data.workers or data.prefetch", fsc::torch_memory_shortage});
}
