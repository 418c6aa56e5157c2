// A warp's part of a product of two tiles in shared memory: tensor cores for bf16 and fp16, multiply-adds for float; sums are
// float.
#pragma once
#include <type_traits>

#include "kernels/cuda/detail_tile.cuh"

namespace fsc::detail {
namespace {

/// How the second factor of a product lies in shared memory.
enum class SecondFactor {
  kColumnsAsRows,  ///< [columns of the product, depth]
  kDepthAsRows,    ///< [depth, columns of the product]
};

/// kDown x kAcross squares of 16 x 16: one below another, and `kStep` columns apart (the columns between are other warps').
template <class T, int kDown, int kAcross, int kStep>
class WarpTile {
 public:
  __device__ WarpTile() {
    for (auto& row : sums_)
      for (auto& square : row) nvcuda::wmma::fill_fragment(square, 0.f);
  }

  /// += first [16 kDown, depth] second [depth, columns]; of the squares across only the first `across`. depth: a multiple of 16.
  template <SecondFactor kSecond>
  __device__ void add(const T* first, int first_stride, const T* second, int second_stride, int depth, int across = kAcross) {
    constexpr bool kByColumns = kSecond == SecondFactor::kColumnsAsRows;
    using Layout = std::conditional_t<kByColumns, nvcuda::wmma::col_major, nvcuda::wmma::row_major>;
    for (int k = 0; k < depth; k += 16) {
      nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, 16, T, nvcuda::wmma::row_major> a[kDown];
#pragma unroll
      for (int i = 0; i < kDown; ++i) nvcuda::wmma::load_matrix_sync(a[i], first + 16 * i * first_stride + k, first_stride);
#pragma unroll
      for (int j = 0; j < kAcross; ++j) {
        if (j >= across) continue;
        nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, 16, T, Layout> b;
        nvcuda::wmma::load_matrix_sync(b, second + (kByColumns ? kStep * j * second_stride + k : k * second_stride + kStep * j),
                                       second_stride);
#pragma unroll
        for (int i = 0; i < kDown; ++i) nvcuda::wmma::mma_sync(sums_[i][j], a[i], b, sums_[i][j]);
      }
    }
  }

  __device__ void store(float* to, int stride, int across = kAcross) const {
#pragma unroll
    for (int i = 0; i < kDown; ++i)
#pragma unroll
      for (int j = 0; j < kAcross; ++j)
        if (j < across)
          nvcuda::wmma::store_matrix_sync(to + 16 * i * stride + kStep * j, sums_[i][j], stride, nvcuda::wmma::mem_row_major);
  }

 private:
  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> sums_[kDown][kAcross];
};

/// A lane has rows lane / 8 + 4 i and columns lane % 8 + 8 j of each square.
template <int kDown, int kAcross, int kStep>
class WarpTile<float, kDown, kAcross, kStep> {
 public:
  template <SecondFactor kSecond>
  __device__ void add(const float* first, int first_stride, const float* second, int second_stride, int depth,
                      int across = kAcross) {
    first += row() * first_stride;
    second += kSecond == SecondFactor::kColumnsAsRows ? column() * second_stride : column();
    for (int k = 0; k < depth; ++k) {
      float a[4 * kDown];
#pragma unroll
      for (int i = 0; i < 4 * kDown; ++i) a[i] = first[4 * i * first_stride + k];
#pragma unroll
      for (int j = 0; j < 2 * kAcross; ++j) {
        if (j / 2 >= across) continue;
        const int at = kStep * (j / 2) + 8 * (j % 2);
        const float b = kSecond == SecondFactor::kColumnsAsRows ? second[at * second_stride + k] : second[k * second_stride + at];
#pragma unroll
        for (int i = 0; i < 4 * kDown; ++i) sums_[i][j] = fmaf(a[i], b, sums_[i][j]);
      }
    }
  }

  __device__ void store(float* to, int stride, int across = kAcross) const {
    to += row() * stride + column();
#pragma unroll
    for (int i = 0; i < 4 * kDown; ++i)
#pragma unroll
      for (int j = 0; j < 2 * kAcross; ++j)
        if (j / 2 < across) to[4 * i * stride + kStep * (j / 2) + 8 * (j % 2)] = sums_[i][j];
  }

 private:
  __device__ static int row() { return static_cast<int>(threadIdx.x % 32 / 8); }
  __device__ static int column() { return static_cast<int>(threadIdx.x % 8); }
  float sums_[4 * kDown][2 * kAcross] = {};
};

}  // namespace
}  // namespace fsc::detail
