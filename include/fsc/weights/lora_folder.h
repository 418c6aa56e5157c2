// LoRA on disk: lora.safetensors beside open_clip_config.json, and which model it belongs to.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fsc/model/lora.h"
#include "fsc/weights/model_folder.h"

namespace fsc {

inline constexpr const char* kLoraFile = "lora.safetensors";

/// The frozen model that LoRA was trained on.
struct LoraOrigin {
  std::string base;  ///< model.pretrained as it was given; "" = random weights of `base_seed`
  uint64_t base_seed = 0;
  std::string base_sha256;  ///< state_hash of the model as it was trained on
  std::vector<std::string> targets;
  int64_t base_context_length = 0;  ///< of the base before with_context_length gave it the model's; 0 = as the model's
};

/// Everything that is written of a model; with `lora` only A and B are.
struct ModelToSave : ModelIdentity {
  const ClipModelImpl* model = nullptr;  ///< of the identity's architecture
  std::optional<LoraOrigin> lora = {};

  /// The file that holds the weights.
  const char* weights_file() const { return lora ? kLoraFile : kModelFile; }
};

/// Writes model.safetensors or lora.safetensors (float32), the config and the tokenizer into an existing folder.
void write_model(const std::filesystem::path& folder, const ModelToSave& saved);

/// Whether `path` is a run or checkpoint folder (or the file in it) that holds LoRA. False when there is nothing.
bool is_lora(const std::filesystem::path& path);

/// The base with A and B beside its weights (merge_lora makes a plain model of it). `base` "" = the recorded one. It may be
/// LoRA itself, which is merged then. Error: no base at the recorded place (says how to give it), another base than the recorded
/// hash tells, tensors that do not fit, more than 8 on each other (as of a base that leads back to itself).
LoadedModel load_lora(const std::filesystem::path& path, const std::string& base = "");

/// Copies A and B of a checkpoint into a model in training on `origin`. Error: it was trained on another base.
void resume_lora(ClipModelImpl& model, const std::filesystem::path& folder, const LoraOrigin& origin);

}  // namespace fsc
