// The network's two hot loops as each instruction set offers them; no code, and nothing of the standard library.
#pragma once
#include <cstddef>

namespace fsc::detail {

constexpr size_t kColumnBlock = 32;
constexpr size_t kWidth = 96;  ///< of every vector between the layers
constexpr size_t kPieces = 3;  ///< of a maxout in the encoder

/// One instruction set's loops. A row's result does not depend on the rows beside it, bit for bit. AVX2 and AVX-512 give the same
/// bits; the portable loops round products before they are added.
struct Kernels {
  const char* name;
  /// out[r] = rows[r] W + b, rows of `inputs` numbers, out [count][columns].
  void (*affine)(const float* weights, const float* bias, size_t inputs, size_t columns, const float* const* rows, size_t count,
                 float* out);
  /// Of each row of `values` [count][3][96] the maximum over the three pieces, normalised to mean 0 and variance 1, scaled,
  /// shifted, and added to residual[r] where that is not null: into out[r].
  void (*maxout_norm)(const float* values, const float* gain, const float* shift, const float* const* residual, size_t count,
                      float* const* out);
};

extern const Kernels kPortableKernels, kAvx2Kernels, kAvx512Kernels;

}  // namespace fsc::detail
