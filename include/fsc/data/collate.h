// Decoded samples to one batch of tensors.
#pragma once
#include <torch/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fsc/tensor/text_rows.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {

/// CLIP's layout, or for tokenizers that fill the context theirs.
TextLayout text_layout(const Tokenizer& tokenizer, int64_t context_length);

/// One sample as a worker leaves it. Token ids are the tokenizer's, without padding; an empty optional is a missing negative.
struct Sample {
  std::string key;
  torch::Tensor image;  ///< float32 [3,S,S]
  TokenIds caption;
  std::vector<std::optional<TokenIds>> negatives;
};

/// All samples must have the same number of negative slots.
Batch collate(std::vector<Sample> samples, const TextLayout& layout = {});

}  // namespace fsc
