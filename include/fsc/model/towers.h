// Where a parameter stands in its tower, and freezing a tower from below.
#pragma once
#include <cstdint>
#include <string>

#include "fsc/model/clip_model.h"

namespace fsc {

enum class Tower { kImage, kText, kNone };

/// Layer 0: embeddings and what normalises them. 1 ... blocks: the blocks. blocks + 1: what follows them (last norm,
/// projection, pooling). Of no tower: logit_scale, logit_bias.
struct TowerLayer {
  Tower tower = Tower::kNone;
  int64_t layer = 0;
  int64_t blocks = 0;  ///< of its tower
};

/// Where the parameter named `name` stands, LoRA's included.
TowerLayer layer_of(const std::string& name, const ArchConfig& arch);

/// Freezes a tower but for its last `unlocked_blocks` blocks and what follows them; 0 freezes all of it. open_clip counts
/// the projection as a group of its own, so n > 0 blocks are its n + 1 unlocked groups. UsageError: more blocks than there are.
void lock_tower(ClipModelImpl& model, Tower tower, int64_t unlocked_blocks);

int64_t trained_parameter_count(const ClipModelImpl& model);

}  // namespace fsc
