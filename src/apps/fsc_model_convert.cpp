// fsc-model convert: a checkpoint of any origin becomes a folder that open_clip or transformers opens.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <map>

#include "apps/fsc_model_commands.h"
#include "fsc/weights/convert.h"

void add_convert(CLI::App& app) {
  const auto given = std::make_shared<fsc::ConvertRequest>();
  CLI::App* command =
      app.add_subcommand("convert", "Writes a checkpoint as a folder that open_clip or transformers opens, and checks it");
  command->add_option("input", given->input, "Checkpoint: a file or a folder of any kind that fsc reads")->required();
  command->add_option("--arch", given->arch,
                      "Architecture of a file that does not say it: open_clip's name or the path of a model-config JSON "
                      "(force:NAME overrules what it says)");
  const std::map<std::string, fsc::ModelFormat> formats = {{"open_clip", fsc::ModelFormat::kOpenClip},
                                                           {"hf", fsc::ModelFormat::kHuggingFace}};
  command->add_option("--to", given->format, "open_clip, or hf for transformers' CLIPModel and SiglipModel")
      ->required()
      ->transform(CLI::CheckedTransformer(formats).description("{open_clip,hf}"));
  command->add_option("--output", given->output, "Folder to make; one that holds files already is refused")->required();
  const std::map<std::string, fsc::WeightDtype> dtypes = {{"keep", fsc::WeightDtype::kKeep},
                                                          {"fp32", fsc::WeightDtype::kFp32},
                                                          {"fp16", fsc::WeightDtype::kFp16},
                                                          {"bf16", fsc::WeightDtype::kBf16}};
  command->add_option("--dtype", given->dtype, "Number format of the weights; keep = each tensor's own (default)")
      ->transform(CLI::CheckedTransformer(dtypes).description("{keep,fp32,fp16,bf16}"));
  command->add_option("--tokenizer", given->tokenizer,
                      "SigLIP's sentencepiece model (.model), where it does not lie beside the input");
  command->add_option(
      "--save-check", given->check_file,
      "Keeps the check as safetensors, so that it can be repeated elsewhere: pixels, ids, image_features, text_features");
  command->callback([given] {
    const fsc::ConvertReport report = fsc::convert_model(*given);
    spdlog::info(
        "{}: {} tensors written and read back; largest difference of a feature between both forms: images {:.3g}, texts {:.3g} "
        "(bound {:.3g})",
        given->output, report.tensors, report.image_difference, report.text_difference, report.bound);
  });
}
