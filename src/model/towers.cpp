// Layers of parameters by their names, which are open_clip's or timm's.
#include "fsc/model/towers.h"

#include <cstdlib>

#include "fsc/core/error.h"

namespace fsc {
namespace {

/// The N of "...blocks.N.": open_clip's resblocks, timm's blocks; -1 outside of blocks.
int64_t block_of(const std::string& name) {
  constexpr std::string_view kMark = "blocks.";
  const size_t at = name.find(kMark);
  return at == std::string::npos ? -1 : std::strtoll(name.c_str() + at + kMark.size(), nullptr, 10);
}

bool is_embedding(const std::string& name) {
  for (const char* part :
       {"conv1.", "class_embedding", "positional_embedding", "ln_pre.", "token_embedding.", "patch_embed.", "pos_embed"})
    if (name.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

TowerLayer layer_of(const std::string& name, const ArchConfig& arch) {
  if (name == "logit_scale" || name == "logit_bias") return {};
  TowerLayer found;
  found.tower = name.starts_with("visual.") ? Tower::kImage : Tower::kText;
  found.blocks = found.tower == Tower::kImage ? arch.vision.layers : arch.text.layers;
  const int64_t block = block_of(name);
  found.layer = block >= 0 ? block + 1 : is_embedding(name) ? 0 : found.blocks + 1;
  return found;
}

void lock_tower(ClipModelImpl& model, Tower tower, int64_t unlocked_blocks) {
  const bool image = tower == Tower::kImage;
  const int64_t blocks = image ? model.arch().vision.layers : model.arch().text.layers;
  if (unlocked_blocks > blocks)
    throw UsageError(std::string("model.lock_") + (image ? "image" : "text") + "_unlocked_blocks: " +
                     std::to_string(unlocked_blocks) + " is more than the " + std::to_string(blocks) + " blocks of the tower");
  const int64_t first_trained = unlocked_blocks > 0 ? blocks + 1 - unlocked_blocks : blocks + 2;
  for (auto& parameter : model.named_parameters()) {
    const TowerLayer at = layer_of(parameter.key(), model.arch());
    if (at.tower == tower && at.layer < first_trained) parameter.value().set_requires_grad(false);
  }
}

int64_t trained_parameter_count(const ClipModelImpl& model) {
  int64_t count = 0;
  for (const auto& parameter : model.parameters())
    if (parameter.requires_grad()) count += parameter.numel();
  return count;
}

}  // namespace fsc
