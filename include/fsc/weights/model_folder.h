// A model on disk: model.safetensors beside open_clip_config.json, as open_clip's hub format has it.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "fsc/image/preprocess.h"
#include "fsc/model/clip_model.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {

inline constexpr const char* kModelFile = "model.safetensors";
inline constexpr const char* kModelConfigFile = "open_clip_config.json";

struct LoadedModel {
  ClipModel model{nullptr};
  Preprocess preprocess;
  std::filesystem::path tokenizer = {};  ///< sentencepiece model; empty = CLIP's own vocabulary
};

/// Where a model's parts are and what they say, before its weights are read.
struct ModelSource {
  std::filesystem::path weights;
  ArchConfig arch;
  Preprocess preprocess;
  std::filesystem::path tokenizer = {};  ///< as in LoadedModel
};

/// `path`: a run folder, a checkpoints/step_N folder, or a bare .safetensors file. The architecture comes from the folder's
/// open_clip_config.json (a folder's model.safetensors given by name counts as its folder), for a bare file (or to check a
/// folder) from `arch`; "" = none given. Error: nothing there, a foreign kind of file, a config that cannot be read;
/// UsageError: no architecture known (asks for --arch), a contradiction of the two.
ModelSource find_model(const std::filesystem::path& path, const std::string& arch = "");

/// find_model and its weights. Error also for a damaged file, one that does not fit the architecture, NaN in the weights.
LoadedModel load_model(const std::filesystem::path& path, const std::string& arch = "");

/// The tokenizer an architecture needs. UsageError when its vocabulary does not fit the model's embeddings.
std::shared_ptr<const Tokenizer> load_tokenizer(const ArchConfig& arch, const std::filesystem::path& file = "");

/// Preprocessing an architecture was trained with when no record says it: OpenAI's mean and std, bicubic, shortest side.
Preprocess default_preprocess(const ArchConfig& arch);

/// open_clip_config.json: {"model_cfg": ..., "preprocess_cfg": ...}.
std::string open_clip_config_json(const ArchConfig& arch, const Preprocess& preprocess);

/// Writes both files into an existing folder; weights as float32 with open_clip's names.
void write_model_files(const std::filesystem::path& folder, const ClipModelImpl& model, const Preprocess& preprocess);

}  // namespace fsc
