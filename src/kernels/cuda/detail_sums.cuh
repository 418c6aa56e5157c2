// Sums over a block and over an array, in an order that nothing changes.
#pragma once
#include "kernels/cuda/detail_device.cuh"

namespace fsc::detail {
namespace {

constexpr int kSumThreads = 256;

/// The sum over the threads of a block of kSumThreads, for thread 0; 0 for the others. `room` [kSumThreads] is shared memory for
/// this sum alone.
template <class T>
__device__ T block_sum(T value, T* room) {
  room[threadIdx.x] = value;
  for (unsigned half_count = kSumThreads / 2; half_count > 0; half_count /= 2) {
    __syncthreads();
    if (threadIdx.x < half_count) room[threadIdx.x] += room[threadIdx.x + half_count];
  }
  return threadIdx.x == 0 ? room[0] : T{};
}

/// out[0] = factor (*upstream, if there is one) (sum of values [count]). One block of kSumThreads.
template <class Sum>
__global__ void sum_values(const Sum* values, size_t count, float factor, const Sum* upstream, Sum* out) {
  FSC_STATIC_SHARED(Sum, room, kSumThreads);
  Sum sum = 0;
  for (size_t i = threadIdx.x; i < count; i += kSumThreads) sum += values[i];
  sum = block_sum(sum, room);
  if (threadIdx.x == 0) out[0] = sum * factor * (upstream ? *upstream : Sum{1});
}

}  // namespace
}  // namespace fsc::detail
