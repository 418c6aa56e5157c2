// What the tests of the losses' CUDA kernels share: features, launches on the host, comparison with a double.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "support/cuda_on_host/cuda_on_host.h"

namespace fsc {

/// The Runner of kernels/cuda/detail_pairs.cuh: memory is poisoned and guarded.
class HostRunner {
 public:
  float* floats(size_t count) { return floats_.emplace_back("room for floats", count).data(); }
  int* ints(size_t count) { return ints_.emplace_back("room for ints", count).data(); }
  template <class Kernel, class... Arguments>
  void launch(Kernel* kernel, dim3 grid, unsigned threads, size_t shared, Arguments... arguments) {
    cuda_on_host::launch(kernel, grid, dim3(threads), shared, arguments...);
  }

 private:
  std::deque<cuda_on_host::DeviceBuffer<float>> floats_;
  std::deque<cuda_on_host::DeviceBuffer<int>> ints_;
};

template <class T>
double as_double(T value) {
  if constexpr (std::is_same_v<T, __half>)
    return __half2float(value);
  else if constexpr (std::is_same_v<T, __nv_bfloat16>)
    return __bfloat162float(value);
  else
    return static_cast<double>(value);
}

template <class T>
T rounded(double value) {
  if constexpr (std::is_same_v<T, __half>)
    return __float2half(static_cast<float>(value));
  else if constexpr (std::is_same_v<T, __nv_bfloat16>)
    return __float2bfloat16(static_cast<float>(value));
  else
    return static_cast<T>(value);
}

/// Rows [count, depth] on the "device", and the same as doubles.
template <class T>
struct TestRows {
  int count, depth;
  cuda_on_host::DeviceBuffer<T> device;
  std::vector<double> values;

  TestRows(const std::string& name, std::vector<double> rows, int depth)
      : count(static_cast<int>(rows.size()) / depth), depth(depth), device(name, rows.size()), values(std::move(rows)) {
    for (size_t i = 0; i < values.size(); ++i) {
      device.data()[i] = rounded<T>(values[i]);
      values[i] = as_double(device[i]);
    }
  }
  /// nullptr where there are none: absent.
  const T* data() const { return count > 0 ? device.data() : nullptr; }
  double at(int row, int d) const { return values[static_cast<size_t>(row) * depth + d]; }
};

/// Unit rows, a fifth of each is common to all, so that cosines differ from 0.
inline std::vector<double> unit_rows(int count, int depth, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> rows(static_cast<size_t>(count) * depth);
  for (int r = 0; r < count; ++r) {
    double* row = rows.data() + static_cast<size_t>(r) * depth;
    double square = 0;
    for (int d = 0; d < depth; ++d) row[d] = normal(random) + 0.5 * std::cos(d);
    for (int d = 0; d < depth; ++d) square += row[d] * row[d];
    for (int d = 0; d < depth; ++d) row[d] /= std::sqrt(square);
  }
  return rows;
}

template <class T>
double cosine(const TestRows<T>& a, int i, const TestRows<T>& b, int j) {
  double sum = 0;
  for (int d = 0; d < a.depth; ++d) sum += a.at(i, d) * b.at(j, d);
  return sum;
}

/// to[row] += factor from[other]
template <class T>
void add_row(std::vector<double>& to, int row, double factor, const TestRows<T>& from, int other) {
  for (int d = 0; d < from.depth; ++d) to[static_cast<size_t>(row) * from.depth + d] += factor * from.at(other, d);
}

/// NaN where the other is, infinity alike, else within tolerance of the largest of them.
template <class T>
void expect_near(const std::string& what, const cuda_on_host::DeviceBuffer<T>& got, const std::vector<double>& want,
                 double tolerance) {
  double largest = 1e-12;
  for (double w : want)
    if (std::isfinite(w)) largest = std::max(largest, std::abs(w));
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < want.size(); ++i) {
    const double g = as_double(got[i]);
    const bool near = std::isfinite(want[i]) ? std::abs(g - want[i]) <= tolerance * largest
                                             : (std::isnan(want[i]) ? std::isnan(g) : g == want[i]);
    ASSERT_TRUE(near) << what << "[" << i << "] is " << g << ", not " << want[i] << " (largest " << largest << ")";
  }
}

template <class T>
constexpr double gradient_tolerance() {
  if constexpr (std::is_same_v<T, __half>)
    return 2e-3;
  else if constexpr (std::is_same_v<T, __nv_bfloat16>)
    return 1.5e-2;
  else
    return 2e-5;
}

}  // namespace fsc
