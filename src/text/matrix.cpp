// Reads matrices and chooses the loops that multiply them.
#include "text/detail_matrix.h"

#include <algorithm>
#include <cmath>

namespace fsc::detail {

std::vector<float> read_floats(Reader& reader, size_t count) {
  std::vector<float> values = reader.array<float>(count);
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
    reader.fail("a weight before this is no finite number");
  return values;
}

Affine::Affine(Reader& reader, size_t inputs, size_t outputs)
    : inputs(inputs), columns((outputs + kColumnBlock - 1) / kColumnBlock * kColumnBlock) {
  const uint32_t stored_inputs = reader.u32(), stored_columns = reader.u32();
  if (stored_inputs != inputs || stored_columns != columns)
    reader.fail("a matrix of " + std::to_string(stored_inputs) + " x " + std::to_string(stored_columns) + " where " +
                std::to_string(inputs) + " x " + std::to_string(columns) + " belongs");
  weights = read_floats(reader, inputs * columns);
  bias = read_floats(reader, columns);
}

std::vector<const Kernels*> usable_kernels() {
  std::vector<const Kernels*> usable{&kPortableKernels};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) usable.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq"))
    usable.push_back(&kAvx512Kernels);
#endif
  return usable;
}

const Kernels& kernels() {
  static const Kernels& chosen = *usable_kernels().back();
  return chosen;
}

}  // namespace fsc::detail
