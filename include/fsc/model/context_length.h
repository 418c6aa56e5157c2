// Text position embeddings for another context length than a model's own.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fsc/tensor/state_dict.h"

namespace fsc {

/// [T, W] to [length, W], linearly with corners not aligned: what open_clip does on load, up and down.
torch::Tensor interpolate_context(const torch::Tensor& embedding_TW, int64_t length);

/// `state` for a context of `length`, as the official code's --force-context-length makes it: of a longer text position embedding
/// the first `length` rows, a shorter one interpolated. Everything else is shared. A note says what was done.
StateDict with_context_length(const StateDict& state, int64_t length, std::vector<std::string>& notes);

}  // namespace fsc
