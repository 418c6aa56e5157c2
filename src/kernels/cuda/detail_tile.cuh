// Matrix products of a block of 128 threads: rows brought into shared memory while others are multiplied, sums in registers.
//
// float: fused multiply-adds, each sum in ascending order. bf16 and half: tensor cores, 16 x 16 x 16 a step, float sums. A value
// of a product does not depend on the tile it stands in, so that kernels may compute it again and find the same.
#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/cuda/detail_device.cuh"

namespace fsc::detail {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / 32;
constexpr unsigned kAllLanes = 0xFFFFFFFFu;

__device__ inline float to_float(float x) { return x; }
__device__ inline float to_float(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float to_float(__half x) { return __half2float(x); }

template <class T>
__device__ T rounded_to(float x);
template <>
__device__ inline float rounded_to<float>(float x) {
  return x;
}
template <>
__device__ inline __nv_bfloat16 rounded_to<__nv_bfloat16>(float x) {
  return __float2bfloat16(x);
}
template <>
__device__ inline __half rounded_to<__half>(float x) {
  return __float2half(x);
}

/// Over the lanes of a warp, or of each group of kLanes.
template <int kLanes = 32, class T>
__device__ T sum_of_lanes(T x) {
  for (int step = kLanes / 2; step > 0; step /= 2) x += __shfl_xor_sync(kAllLanes, x, step);
  return x;
}
__device__ inline float least_of_lanes(float x) {
  for (int step = 16; step > 0; step /= 2) x = fminf(x, __shfl_xor_sync(kAllLanes, x, step));
  return x;
}
__device__ inline float largest_of_lanes(float x) {
  for (int step = 16; step > 0; step /= 2) x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, step));
  return x;
}

/// Values of a row in shared memory that is multiplied at a time along its length, and the distance of such rows: 128 bytes and
/// 16 more, so that neighbouring rows lie in other banks.
template <class T>
constexpr int kStageColumns = 128 / sizeof(T);
template <class T>
constexpr int kStageStride = kStageColumns<T> + 16 / sizeof(T);

/// kRows x kColumns values into shared memory: from(row) is the beginning of a row of `width` values, nullptr = zeros; the piece
/// begins at `column`, zeros stand behind the width. `vectors`: rows begin at multiples of 16 bytes and are as long.
template <int kRows, int kColumns, class T, class From>
__device__ void stage(T* to, int stride, const From& from, int column, int width, bool vectors) {
  constexpr int kVector = 16 / sizeof(T), kPieces = kColumns / kVector;
  if (vectors) {
    for (int piece = threadIdx.x; piece < kRows * kPieces; piece += kThreads) {
      const int row = piece / kPieces, at = piece % kPieces * kVector;
      const T* source = from(row);
      if (source != nullptr && column + at < width)
        __pipeline_memcpy_async(to + row * stride + at, source + column + at, 16);
      else
        *reinterpret_cast<uint4*>(to + row * stride + at) = make_uint4(0, 0, 0, 0);
    }
  } else {
    for (int piece = threadIdx.x; piece < kRows * kColumns; piece += kThreads) {
      const int row = piece / kColumns, at = piece % kColumns;
      const T* source = from(row);
      to[row * stride + at] = source != nullptr && column + at < width ? source[column + at] : rounded_to<T>(0.0f);
    }
  }
}

/// begin(i, buffer) brings piece i into one of two buffers, use(i, buffer) works on it: piece i + 1 comes meanwhile. At least one
/// piece. All threads have left use() when it returns.
template <class Begin, class Use>
__device__ void pipelined(int pieces, const Begin& begin, const Use& use) {
  begin(0, 0);
  __pipeline_commit();
  for (int i = 0; i < pieces; ++i) {
    if (i + 1 < pieces) begin(i + 1, (i + 1) % 2);
    __pipeline_commit();
    __pipeline_wait_prior(1);
    __syncthreads();  // piece i of all threads is there
    use(i, i % 2);
    __syncthreads();  // nobody needs its buffer any more
  }
}

/// Sums C [kRows, kColumns] of a block; kContiguous: a thread of the float form has neighbouring columns, which suits add_nn,
/// add_tn.
template <class T, int kRows, int kColumns, bool kContiguous>
class Tile {
 public:
  __device__ void clear() {
    for (auto& tile : sums_) nvcuda::wmma::fill_fragment(tile, 0.0f);
  }
  /// C += A [kRows, depth] B [kColumns, depth]^T
  __device__ void add_nt(const T* a, int a_stride, const T* b, int b_stride, int depth) {
    for (int k = 0; k < depth; k += 16)
      add<RowMajor, ColumnMajor>(a + row() * a_stride + k, a_stride, b + column(0) * b_stride + k, b_stride,
                                 kColumnStep * b_stride);
  }
  /// C += A [kRows, depth] B [depth, kColumns]
  __device__ void add_nn(const T* a, int a_stride, const T* b, int b_stride, int depth) {
    for (int k = 0; k < depth; k += 16)
      add<RowMajor, RowMajor>(a + row() * a_stride + k, a_stride, b + k * b_stride + column(0), b_stride, kColumnStep);
  }
  /// C += A [depth, kRows]^T B [depth, kColumns]
  __device__ void add_tn(const T* a, int a_stride, const T* b, int b_stride, int depth) {
    for (int k = 0; k < depth; k += 16)
      add<ColumnMajor, RowMajor>(a + k * a_stride + row(), a_stride, b + k * b_stride + column(0), b_stride, kColumnStep);
  }
  __device__ void store(float* to, int stride) const {
    for (int i = 0; i < kTiles; ++i)
      nvcuda::wmma::store_matrix_sync(to + row() * stride + column(i), sums_[i], stride, nvcuda::wmma::mem_row_major);
  }

 private:
  using RowMajor = nvcuda::wmma::row_major;
  using ColumnMajor = nvcuda::wmma::col_major;
  static constexpr int kRowTiles = kRows / 16, kTiles = kRowTiles * (kColumns / 16) / kWarps,
                       kColumnStep = 16 * kWarps / kRowTiles;
  static_assert(kWarps % kRowTiles == 0 && kTiles * kColumnStep == kColumns);

  /// Where this warp's tiles are: in one row of tiles, kColumnStep columns apart.
  __device__ static int row() { return threadIdx.x / 32 % kRowTiles * 16; }
  __device__ static int column(int i) { return threadIdx.x / 32 / kRowTiles * 16 + i * kColumnStep; }

  template <class ALayout, class BLayout>
  __device__ void add(const T* a, int a_stride, const T* b, int b_stride, int b_step) {
    nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, 16, T, ALayout> left;
    nvcuda::wmma::load_matrix_sync(left, a, a_stride);
    for (int i = 0; i < kTiles; ++i) {
      nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, 16, T, BLayout> right;
      nvcuda::wmma::load_matrix_sync(right, b + i * b_step, b_stride);
      nvcuda::wmma::mma_sync(sums_[i], left, right, sums_[i]);
    }
  }

  nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> sums_[kTiles];
};

template <int kRows, int kColumns, bool kContiguous>
class Tile<float, kRows, kColumns, kContiguous> {
 public:
  __device__ void clear() {
    for (auto& row : sums_)
      for (float& sum : row) sum = 0;
  }
  __device__ void add_nt(const float* a, int a_stride, const float* b, int b_stride, int depth) {
    for (int k = 0; k < depth; k += 4) {
      float4 left[kHeight], right[kWidth];
      for (int i = 0; i < kHeight; ++i) left[i] = vector(a + row(i) * a_stride + k);
      for (int j = 0; j < kWidth; ++j) right[j] = vector(b + column(j) * b_stride + k);
      for (int i = 0; i < kHeight; ++i)
        for (int j = 0; j < kWidth; ++j) {
          float sum = fmaf(left[i].x, right[j].x, sums_[i][j]);
          sum = fmaf(left[i].y, right[j].y, sum);
          sum = fmaf(left[i].z, right[j].z, sum);
          sums_[i][j] = fmaf(left[i].w, right[j].w, sum);
        }
    }
  }
  __device__ void add_nn(const float* a, int a_stride, const float* b, int b_stride, int depth) {
    for (int k = 0; k < depth; ++k) add([&](int i) { return a[row(i) * a_stride + k]; }, b + k * b_stride);
  }
  __device__ void add_tn(const float* a, int a_stride, const float* b, int b_stride, int depth) {
    for (int k = 0; k < depth; ++k) add([&](int i) { return a[k * a_stride + row(i)]; }, b + k * b_stride);
  }
  __device__ void store(float* to, int stride) const {
    for (int i = 0; i < kHeight; ++i)
      for (int j = 0; j < kWidth; ++j) to[row(i) * stride + column(j)] = sums_[i][j];
  }

 private:
  static constexpr int kAcross = 16, kHeight = kRows * kAcross / kThreads, kWidth = kColumns / kAcross;
  static_assert(!kContiguous || kWidth == 4);

  __device__ static int row(int i) { return threadIdx.x / kAcross * kHeight + i; }
  __device__ static int column(int j) {
    return kContiguous ? threadIdx.x % kAcross * kWidth + j : threadIdx.x % kAcross + j * kAcross;
  }
  __device__ static float4 vector(const float* at) { return *reinterpret_cast<const float4*>(at); }

  template <class Left>
  __device__ void add(const Left& left, const float* b) {
    static_assert(kContiguous);
    const float4 right = vector(b + column(0));
    for (int i = 0; i < kHeight; ++i) {
      const float x = left(i);
      sums_[i][0] = fmaf(x, right.x, sums_[i][0]);
      sums_[i][1] = fmaf(x, right.y, sums_[i][1]);
      sums_[i][2] = fmaf(x, right.z, sums_[i][2]);
      sums_[i][3] = fmaf(x, right.w, sums_[i][3]);
    }
  }

  float sums_[kHeight][kWidth];
};

}  // namespace
}  // namespace fsc::detail
