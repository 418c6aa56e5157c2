// A model on disk, whoever wrote it: found, read, and written as open_clip's hub format has it.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "fsc/model/clip_model.h"
#include "fsc/tokenize/tokenizer.h"
#include "fsc/weights/description.h"

namespace fsc {

inline constexpr const char* kModelFile = "model.safetensors";
inline constexpr const char* kModelConfigFile = "open_clip_config.json";
inline constexpr const char* kSentencepieceFile = "spiece.model";  ///< transformers' name for SigLIP's tokenizer
inline constexpr const char* kGemmaFile = "tokenizer.model";       ///< and for SigLIP2's

/// A model in memory; `model` is of the identity's architecture.
struct LoadedModel : ModelIdentity {
  ClipModel model{nullptr};
};

/// A model on disk, before its weights are read.
struct ModelSource : ModelIdentity {
  std::filesystem::path weights;
};

/// `path` is one of
/// - a run folder, a checkpoints/step_N folder, or a folder as on the hub: open_clip_config.json, or the config.json of a
///   CLIPModel or SiglipModel, beside weights under the usual names (safetensors or .bin, whole or in shards);
/// - a file of weights under such a name in such a folder: counts as the folder;
/// - any other file that read_checkpoint_file reads, with open_clip's, OpenAI's or Hugging Face's tensor names.
///
/// The architecture comes from the folder's config, from what the file's metadata say, from `arch` ("" = none given; a name or a
/// JSON file, as for ArchConfig::load), or, of OpenAI's TorchScript archives (QuickGELU) and of SigLIP, from the shapes. What
/// is said twice must agree; "force:NAME" as `arch` overrules the rest.
/// Error: nothing there, a foreign kind of file or model, a config that cannot be read. UsageError: no architecture known
/// (names those of these shapes), a contradiction.
ModelSource find_model(const std::filesystem::path& path, const std::string& arch = "");

/// find_model and its weights. Error also for a damaged file, one that does not fit the architecture, NaN in the weights.
LoadedModel load_model(const std::filesystem::path& path, const std::string& arch = "");

/// The tokenizer an architecture needs; `file` is SigLIP's sentencepiece model. UsageError when it is missing (says where to get
/// it), or when its vocabulary does not fit the model's embeddings.
std::shared_ptr<const Tokenizer> load_tokenizer(const ArchConfig& arch, const std::filesystem::path& file = "");

/// Preprocessing an architecture was trained with when no record says it: OpenAI's mean and std, bicubic, shortest side;
/// SigLIP's: mean and std 0.5, bicubic, squashed.
Preprocess default_preprocess(const ArchConfig& arch);

/// What is to be recorded of a model.
ModelDescription describe(const ModelIdentity& identity);

/// Writes weights (float32, open_clip's names, described in their metadata), config and, for SigLIP, the tokenizer (with what
/// open_clip and transformers need to read it) into an existing folder. `model` is of the identity's architecture.
void write_model_files(const std::filesystem::path& folder, const ModelIdentity& identity, const ClipModelImpl& model);

}  // namespace fsc
