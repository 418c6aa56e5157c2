// What a checkpoint says about itself: in the metadata of its safetensors file and in the open_clip_config.json beside it.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "fsc/weights/model_identity.h"

namespace fsc {

/// The record of a model: an identity of which parts may be unknown, the tokenizer by kind and digest.
struct ModelDescription {
  std::optional<ArchConfig> arch = {};
  bool activation_known = true;  ///< false: the shapes told the architecture, and they cannot tell GELU from QuickGELU
  std::optional<Preprocess> preprocess = {};
  bool preprocess_known = true;  ///< false: nothing records it, it is default_preprocess of the architecture
  std::string tokenizer = "";    ///< kClipTokenizer or kSentencepiece
  std::string tokenizer_sha256 = "";
  Provenance provenance = {};
};

inline constexpr const char* kClipTokenizer = "clip-bpe";
inline constexpr const char* kSentencepiece = "sentencepiece";

/// The activation's name: gelu, gelu_tanh, quick_gelu.
std::string activation_name(const ArchConfig& arch);

/// open_clip's {"model_cfg", "preprocess_cfg"} with what else is known under "fsc", a key that open_clip passes over.
/// `description` has an architecture and a preprocessing.
std::string open_clip_config_json(const ModelDescription& description);
/// The reverse; works for open_clip's own files too. The architecture's name is the recorded one, a known architecture's, or
/// `name`. Error begins with `where`.
ModelDescription parse_open_clip_config(const std::string& json, const std::string& name, const std::string& where);

/// Metadata of a safetensors file: the same JSON under "fsc", and the "format" that Hugging Face's loaders ask for.
std::map<std::string, std::string> description_metadata(const ModelDescription& description);
/// Nothing when the metadata hold none.
std::optional<ModelDescription> metadata_description(const std::map<std::string, std::string>& metadata, const std::string& name,
                                                     const std::string& where);

/// "embed_dim: 512 against 768, ..." for the fields in which two architectures differ; empty when they are the same model.
std::string arch_differences(const ArchConfig& left, const ArchConfig& right);

/// The known architecture that is the same model as `arch`, or "".
std::string known_name(const ArchConfig& arch);

}  // namespace fsc
