// The order of a model's pixels, and their normalisation by operations that every device has.
#pragma once
#include <torch/types.h>

#include "fsc/image/preprocess.h"

namespace fsc::detail {

/// uint8 [H,W,3] -> uint8 [3,H,W].
torch::Tensor to_planes(const torch::Tensor& image_hwc);

/// to_model_input, by ATen.
torch::Tensor normalized_on_device(const torch::Tensor& pixels, const Preprocess& preprocess);

}  // namespace fsc::detail
