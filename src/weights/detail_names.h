// Whose tensor names a file has, and open_clip's names for them.
#pragma once
#include <string>
#include <vector>

#include "fsc/tensor/state_dict.h"

namespace fsc::detail {

enum class NameStyle {
  kUnknown,
  kOpenClip,  ///< OpenAI's too; SigLIP as open_clip names it with timm's image tower
  kHfClip,    ///< transformers' CLIPModel
  kHfSiglip,  ///< transformers' SiglipModel
};
NameStyle name_style(const StateDict& state);
/// "open_clip", "Hugging Face's CLIPModel", ...; "" for kUnknown.
std::string style_text(NameStyle style);

/// What kind of model this is that fsc cannot build, told by the names (a ResNet tower, a timm tower, a LoRA adapter, ...);
/// "" when nothing speaks against it.
std::string foreign_model(const StateDict& state);

/// The tensors under open_clip's names, sharing memory where the layouts allow; buffers without weights (position_ids, OpenAI's
/// input_resolution, ...) are left out, names without a counterpart stay as they are. metadata are kept. Error: a foreign
/// model, unknown names, a tensor in parts that do not belong together. `lean`: `state` is mapped from a file and not used
/// afterwards, so what had to be copied need not stay in memory twice.
StateDict to_open_clip_names(const StateDict& state, const std::string& source, bool lean = false);

/// The reverse for CLIPModel or SiglipModel. Error names the tensors that they have no place for.
StateDict to_hf_names(const StateDict& state, bool siglip, const std::string& source);

/// 1 + the largest N of names `prefix`N.rest; 0 when there is none.
int64_t count_layers(const StateDict& state, const std::string& prefix);

// ---- hf_names.cpp

enum class Layout {
  kSame,
  kTransposed,  ///< x . P here, a Linear there
  kBatchOfOne,  ///< [1, ...] here, [...] there
  kScalar,      ///< [] here, [1] there
};
/// Tensors which, put together along the first axis, are the same on both sides; parts are the tensors' shares of it.
struct NameRule {
  std::vector<std::string> ours, theirs;
  std::vector<int64_t> our_parts = {1}, their_parts = {1};
  Layout layout = Layout::kSame;
};
std::vector<NameRule> hf_clip_rules(int64_t image_layers, int64_t text_layers);
std::vector<NameRule> hf_siglip_rules(int64_t image_layers, int64_t text_layers);

}  // namespace fsc::detail
