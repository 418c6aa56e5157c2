// LoRA for Hugging Face's peft: adapter_config.json and adapter_model.safetensors over transformers' CLIPModel.
#pragma once
#include <cstdint>
#include <filesystem>

namespace fsc {

struct PeftReport {
  int64_t modules = 0;    ///< of CLIPModel that get an adapter
  int64_t conv_rank = 0;  ///< rank of the patch embedding's adapter, 0 without one
};

/// Writes the adapter into the new folder `output`. The packed projection becomes three adapters that share A. conv1's product
/// is no convolution of the LoRA's rank; it is written exactly, as an adapter of full rank with the scale in it. UsageError:
/// no LoRA in `run`, a SigLIP tower, files in `output`; Error as for load_lora. The base's weights are not needed.
PeftReport export_peft(const std::filesystem::path& run, const std::filesystem::path& output);

}  // namespace fsc
