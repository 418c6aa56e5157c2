// Losses and kernels compute in float32 at least, also inside autocast, where matrix products would otherwise round logits to
// bf16.
#pragma once
#include <torch/types.h>

#include "fsc/tensor/autocast.h"

namespace fsc::detail {

/// bf16 and fp16 to float32; float32 and float64 as they are.
inline torch::Tensor at_least_float32(const torch::Tensor& tensor) {
  return at::isReducedFloatingType(tensor.scalar_type()) ? tensor.to(torch::kFloat32) : tensor;
}

/// Stands for minus infinity in logits: exp() of it is exactly 0, and no gradient becomes inf - inf.
inline constexpr double kMinusInfinity = -1e30;

}  // namespace fsc::detail
