// fsc-data synth: the made-up world.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "apps/fsc_data_commands.h"
#include "fsc/synth/synth.h"

namespace fsc {

void add_synth(CLI::App& app) {
  struct Options {
    SynthConfig config;
    std::string out;
  };
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("synth", "draw the synthetic world: training table, SugarCrepe-shaped test, zero-shot, retrieval");
  command->add_option("--out", options->out, "folder to make")->required();
  command->add_option("--seed", options->config.seed, "same seed, same bytes")->capture_default_str()->check(not_negative, "");
  command->add_option("--train", options->config.train, "training images")->capture_default_str();
  command->add_option("--size", options->config.size, "image side in pixels")->capture_default_str();
  command->callback([options] {
    const std::string& out = options->out;
    const auto world = make_world(options->config, out);
    if (world.already_there) spdlog::info("{} holds this world already, nothing to do", out);
    spdlog::info(
        "{}: {} training images, {} test images, {} SugarCrepe-shaped items, {} zero-shot images of {} classes, {} combinations "
        "held out",
        out, world.train_images, world.test_images, world.sugarcrepe_items, world.zeroshot_images, world.zeroshot_classes,
        world.held_out);
    spdlog::info("example scenes: {}/examples.png", out);
  });
}

}  // namespace fsc
