// LoRA's tensors out, and back into a model in training on the same base.
#include "fsc/weights/lora_folder.h"

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "weights/detail_lora_metadata.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

StateDict as_float32(const StateDict& state) {
  StateDict result;
  result.metadata = state.metadata;
  for (const auto& [name, tensor] : state.entries()) result.add(name, tensor.detach().to(torch::kFloat));
  return result;
}

}  // namespace

void write_model(const fs::path& folder, const ModelToSave& saved) {
  if (!saved.lora) return write_model_files(folder, saved, *saved.model);
  TORCH_CHECK(saved.arch == saved.model->arch(), "the identity is another model's");
  ModelIdentity identity = saved;
  identity.provenance.lora_base_sha256 = saved.lora->base_sha256;
  const ModelDescription description = describe(identity);
  StateDict state = as_float32(lora_state(*saved.model));
  state.metadata.merge(description_metadata(description));
  state.metadata[detail::kLoraBase] = saved.lora->base;
  if (saved.lora->base.empty()) state.metadata[detail::kLoraSeed] = std::to_string(saved.lora->base_seed);
  const int64_t base_context = saved.lora->base_context_length;
  if (base_context > 0 && base_context != saved.arch.text.context_length)
    state.metadata[detail::kLoraContext] = std::to_string(base_context);
  state.metadata[detail::kLoraTargets] = joined(saved.lora->targets);
  write_safetensors(folder / kLoraFile, state);
  write_file_atomic(folder / kModelConfigFile, open_clip_config_json(description));
  if (!saved.tokenizer.empty()) write_file_atomic(folder / kSentencepieceFile, read_file(saved.tokenizer));
}

bool is_lora(const fs::path& path) {
  std::error_code error;
  if (path.filename() == kLoraFile) return fs::is_regular_file(path, error);
  return fs::is_regular_file(path / kLoraFile, error) && !fs::exists(path / kModelFile, error);
}

void resume_lora(ClipModelImpl& model, const fs::path& folder, const LoraOrigin& origin) {
  const fs::path path = folder / kLoraFile;
  const std::string recorded = find_model(path).provenance.lora_base_sha256;
  if (recorded != origin.base_sha256)
    throw Error("model.pretrained is not the base that " + path.string() + " was trained on: its SHA-256 is " +
                origin.base_sha256 + ", " + recorded + " is recorded; set model.pretrained to that base");
  load_lora_state(model, read_safetensors(path), path.string());
}

}  // namespace fsc
