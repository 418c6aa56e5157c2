// Gradient checkpointing: run a function without keeping what its gradient needs, and run it again in the backward pass.
#pragma once
#include <torch/types.h>

#include <functional>
#include <vector>

namespace fsc::detail {

/// run(x), whose intermediate results are recomputed in the backward pass under the autocast state of this call, with the same
/// random draws. `run` must own what it captures and depend on no other differentiable tensor than x and `parameters`.
torch::Tensor recomputed(std::function<torch::Tensor(const torch::Tensor&)> run, const torch::Tensor& x,
                         const std::vector<torch::Tensor>& parameters);

}  // namespace fsc::detail
