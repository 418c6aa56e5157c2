// Losses compute in float32 at least, also inside autocast, where matrix products would otherwise round logits to bf16.
#pragma once
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/types.h>

namespace fsc {

/// While it lives, autocast leaves the operations of this thread alone.
class NoAutocast {
 private:
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

/// bf16 and fp16 to float32; float32 and float64 as they are.
inline torch::Tensor at_least_float32(const torch::Tensor& tensor) {
  return at::isReducedFloatingType(tensor.scalar_type()) ? tensor.to(torch::kFloat32) : tensor;
}

/// Stands for minus infinity in logits: exp() of it is exactly 0, and no gradient becomes inf - inf.
inline constexpr double kMinusInfinity = -1e30;

}  // namespace fsc
