// Decoded samples to one batch of tensors.
#pragma once
#include <torch/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fsc/data/loader.h"

namespace fsc {

/// How texts become a rectangle: CLIP's way by default, the tokenizer's with `of`.
struct TextLayout {
  int64_t pad_id = 0;
  int64_t width = 0;  ///< 0 = the longest text of the batch, all but id 0 and the first token (SOT) valid; else all texts are as
                      ///< wide as the context, and what was there before the padding is valid
  static TextLayout of(const Tokenizer& tokenizer, int64_t context_length);
};

/// One sample as a worker leaves it. Token ids are the tokenizer's, without padding; an empty optional is a missing negative.
struct Sample {
  std::string key;
  torch::Tensor image;  ///< float32 [3,S,S]
  std::vector<int64_t> caption;
  std::vector<std::optional<std::vector<int64_t>>> negatives;
};

/// All samples must have the same number of negative slots.
Batch collate(std::vector<Sample> samples, const TextLayout& layout = {});

}  // namespace fsc
