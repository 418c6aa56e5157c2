// Matrices of the network, and the loops that fit this processor best, chosen once a process.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "text/detail_kernels.h"
#include "text/detail_reader.h"

namespace fsc::detail {

/// y = x W + b. Weights stand in blocks of kColumnBlock columns: [columns / kColumnBlock][inputs][kColumnBlock].
struct Affine {
  size_t inputs = 0, columns = 0;
  std::vector<float> weights, bias;

  /// Error when the file holds other sizes (columns are rounded up to whole blocks) or numbers that are not finite.
  Affine(Reader& reader, size_t inputs, size_t outputs);
};

/// `count` finite numbers.
std::vector<float> read_floats(Reader& reader, size_t count);

/// Gain and shift of a layer normalisation over kWidth numbers.
struct Norm {
  std::vector<float> gain, shift;
  explicit Norm(Reader& reader) : gain(read_floats(reader, kWidth)), shift(read_floats(reader, kWidth)) {}
};

/// Those this processor can run, the best one last.
std::vector<const Kernels*> usable_kernels();
const Kernels& kernels();

inline void multiply(const Affine& affine, std::span<const float* const> rows, float* out) {
  kernels().affine(affine.weights.data(), affine.bias.data(), affine.inputs, affine.columns, rows.data(), rows.size(), out);
}

}  // namespace fsc::detail
