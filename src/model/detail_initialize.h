// Initial values that depend on (seed, name) only.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <string_view>

namespace fsc::detail {

/// float32 values, uniform in [-bound, bound).
torch::Tensor draw_uniform(at::IntArrayRef shape, double bound, uint64_t seed, std::string_view name);

}  // namespace fsc::detail
