// Decoded samples to one batch of tensors.
#pragma once
#include <torch/types.h>

#include <optional>
#include <string>
#include <vector>

#include "fsc/data/loader.h"

namespace fsc {

/// One sample as a worker leaves it. Token ids are SOT ... EOT without padding; an empty optional is a missing negative.
struct Sample {
  std::string key;
  torch::Tensor image;  ///< float32 [3,S,S]
  std::vector<int64_t> caption;
  std::vector<std::optional<std::vector<int64_t>>> negatives;
};

/// All samples must have the same number of negative slots.
Batch collate(std::vector<Sample> samples);

}  // namespace fsc
