// fsc-model info: what a checkpoint is, what it says about itself, and its tensors.
#include <CLI/CLI.hpp>

#include <cstdio>

#include "apps/fsc_model_commands.h"
#include "fsc/weights/model_info.h"

void add_info(CLI::App& app) {
  struct InfoWish {
    std::string path;
    bool json = false;
  };
  const auto given = std::make_shared<InfoWish>();
  CLI::App* command = app.add_subcommand("info", "Origin, architecture, preprocessing, tokenizer and tensors of a checkpoint");
  command->add_option("path", given->path, "Checkpoint: a file or a folder of any kind that fsc reads")->required();
  command->add_flag("--json", given->json, "One JSON object instead of text");
  command->callback([given] {
    const fsc::ModelInfo info = fsc::inspect_model(given->path);
    std::fputs((given->json ? fsc::info_json(info) : fsc::info_text(info)).c_str(), stdout);
  });
}
