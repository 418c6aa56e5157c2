// fsc-data: makes data sets.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/synth/synth.h"

namespace {

int synth(const fsc::SynthConfig& config, const std::string& out) {
  const auto world = fsc::make_world(config, out);
  if (world.already_there) spdlog::info("{} holds this world already, nothing to do", out);
  spdlog::info("{}: {} training images, {} test images, {} SugarCrepe-shaped items, {} zero-shot images of {} classes, {} combinations held out", out,
               world.train_images, world.test_images, world.sugarcrepe_items, world.zeroshot_images, world.zeroshot_classes, world.held_out);
  spdlog::info("example scenes: {}/examples.png", out);
  return 0;
}

/// CLI11 reads -1 into an unsigned number without a word.
std::string not_negative(const std::string& text) { return text.starts_with('-') ? text + " is below 0" : ""; }

int run(int argc, char** argv) {
  CLI::App app("fsc-data: data sets in, data sets out", "fsc-data");
  app.require_subcommand(1);
  fsc::SynthConfig config;
  std::string out;
  auto* command = app.add_subcommand("synth", "draw the synthetic world: training table, SugarCrepe-shaped test, zero-shot, retrieval");
  command->add_option("--out", out, "folder to make")->required();
  command->add_option("--seed", config.seed, "same seed, same bytes")->capture_default_str()->check(not_negative, "");
  command->add_option("--train", config.train, "training images")->capture_default_str();
  command->add_option("--size", config.size, "image side in pixels")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(fsc::ExitCode::kUsage);
  }
  fsc::init_logging();
  return synth(config, out);
}

}  // namespace

int main(int argc, char** argv) { return fsc::run_main("fsc-data", run, argc, argv); }
