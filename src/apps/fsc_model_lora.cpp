// fsc-model merge-lora and export-peft: LoRA into the weights, or into peft's form.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>

#include "apps/fsc_model_commands.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/weights/fixed_input.h"
#include "fsc/weights/lora_folder.h"
#include "fsc/weights/peft.h"

namespace {
namespace fs = std::filesystem;

struct LoraWish {
  std::string run, base, output;
};

void merge(const LoraWish& given) {
  std::error_code error;
  if (fs::exists(given.output, error) && !(fs::is_directory(given.output, error) && fs::is_empty(given.output, error)))
    throw fsc::UsageError("--output " + given.output + " exists already; name a folder that does not");
  if (!fsc::is_lora(given.run))
    throw fsc::UsageError(given.run + " holds no " + fsc::kLoraFile +
                          "; give the folder of a run with model.lora.rank above 0, or its checkpoints/step_N");
  auto loaded = fsc::load_lora(given.run, given.base);
  const auto before = fsc::fixed_input_features(*loaded.model);
  fsc::merge_lora(*loaded.model);
  const auto after = fsc::fixed_input_features(*loaded.model);
  fsc::make_directories(fs::absolute(given.output).parent_path());
  fsc::write_directory_atomic(given.output,
                              [&](const fs::path& folder) { fsc::write_model_files(folder, loaded, *loaded.model); });
  spdlog::info(
      "{}: a plain model; largest difference of a feature between LoRA beside the weights and merged: images {:.3g}, texts "
      "{:.3g}",
      given.output, fsc::largest_difference(before.images_BD, after.images_BD),
      fsc::largest_difference(before.texts_RD, after.texts_RD));
}

void export_adapter(const LoraWish& given) {
  const fsc::PeftReport report = fsc::export_peft(given.run, given.output);
  spdlog::info("{}: adapters of {} modules for peft.PeftModel.from_pretrained(CLIPModel, ...)", given.output, report.modules);
  if (report.conv_rank > 0)
    spdlog::info("conv1's branch is no convolution of low rank; its adapter has rank {} (rank_pattern) and computes the same",
                 report.conv_rank);
}

CLI::App* declare(CLI::App& app, const char* name, const char* help, const std::shared_ptr<LoraWish>& given) {
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("run", given->run, "Run folder with lora.safetensors, or its checkpoints/step_N")->required();
  command->add_option("--output", given->output, "Folder to make; one that holds files already is refused")->required();
  return command;
}

}  // namespace

void add_lora_commands(CLI::App& app) {
  const auto to_merge = std::make_shared<LoraWish>(), to_export = std::make_shared<LoraWish>();
  CLI::App* command = declare(app, "merge-lora", "Adds LoRA into the weights of its base: a plain model folder", to_merge);
  command->add_option("--base", to_merge->base,
                      "Base model, where it is no longer at the recorded place; its hash must be the recorded one");
  command->callback([to_merge] { merge(*to_merge); });
  declare(app, "export-peft", "Writes LoRA as an adapter for peft over transformers' CLIPModel (convert --to hf writes the base)",
          to_export)
      ->callback([to_export] { export_adapter(*to_export); });
}
