// The stand-in for a CUDA device finds the faults it is there for, and runs right kernels right.
#include "support/cuda_on_host/cuda_on_host.h"

#include <gtest/gtest.h>

#include "kernels/cuda/detail_device.cuh"

namespace fsc {
namespace {
using cuda_on_host::current_schedule;
using cuda_on_host::DeviceBuffer;
using cuda_on_host::for_every_schedule;
using cuda_on_host::launch;
using cuda_on_host::Schedule;

void expect_says(const std::string& message, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(message.find(part), std::string::npos) << message << " does not say " << part;
}

template <class... Parameters, class... Arguments>
std::string fault_of(Schedule schedule, unsigned threads, void (*kernel)(Parameters...), Arguments... arguments) {
  current_schedule = schedule;
  std::string message = "none";
  try {
    launch(kernel, 2, threads, 1024, arguments...);
  } catch (const std::logic_error& error) {
    message = error.what();
  }
  current_schedule = {};
  return message;
}
template <class... Parameters, class... Arguments>
std::string fault_of(unsigned threads, void (*kernel)(Parameters...), Arguments... arguments) {
  return fault_of(Schedule{}, threads, kernel, arguments...);
}

__global__ void half_a_warp_shuffles(float* out) {
  float value = threadIdx.x;
  if (threadIdx.x < 16) value += __shfl_xor_sync(0xFFFFFFFFu, value, 1);
  out[threadIdx.x] = value;
}
__global__ void lane_outside_mask(float* out) { out[threadIdx.x] = __shfl_xor_sync(0xFFFFu, 1.0f, 1); }
__global__ void reads_outside_mask(float* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0xFFFFu, 1.0f, 20);
}
__global__ void some_return_before_barrier(float* out) {
  if (threadIdx.x >= 40) return;
  __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void some_skip_barrier(float* out) {
  if (threadIdx.x < 32) __syncthreads();
  __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void one_round_less(float* out) {
  for (unsigned round = 0; round < 2 + threadIdx.x / 32; ++round) __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void waits_for_each_other(float* out) {
  if (threadIdx.x < 16) __syncthreads();
  __syncwarp();
  out[threadIdx.x] = 1;
}
__global__ void reads_unwritten(float* out) {
  FSC_DYNAMIC_SHARED(float, dynamic);
  FSC_STATIC_SHARED(float, fixed, 64);
  out[threadIdx.x] = threadIdx.x % 2 ? dynamic[threadIdx.x] : fixed[threadIdx.x];
  dynamic[threadIdx.x] = fixed[threadIdx.x] = 1;  // the next block must not see it
}
__global__ void too_much_shared(float* out) {
  FSC_STATIC_SHARED(float, huge, 12 << 10);
  out[threadIdx.x] = huge[threadIdx.x] = 1;
}

__global__ void lots_of_shared() {}

TEST(CudaOnHost, FindsBarriersAndShufflesThatNotAllReach) {
  DeviceBuffer<float> out("out", 64);
  expect_says(fault_of(32, half_a_warp_shuffles, out.data()), {"returns", "__shfl_xor_sync at cuda_on_host_test.cpp:"});
  expect_says(fault_of(Schedule{Schedule::kBackward}, 32, half_a_warp_shuffles, out.data()), {"has returned"});
  expect_says(fault_of(32, lane_outside_mask, out.data()), {"not in the mask"});
  expect_says(fault_of(32, reads_outside_mask, out.data()), {"outside the mask"});
  expect_says(fault_of(64, some_return_before_barrier, out.data()), {"cuda_on_host_test.cpp:", "thread 40"});
  expect_says(fault_of(64, some_skip_barrier, out.data()), {"two barriers"});
  expect_says(fault_of(64, one_round_less, out.data()), {"return"});
  expect_says(fault_of(32, waits_for_each_other, out.data()), {"deadlock", "threads 0 1", "threads 16 17"});
}

TEST(CudaOnHost, SharedMemoryIsPoisonedBeforeEachBlock) {
  DeviceBuffer<float> out("out", 64);
  EXPECT_EQ(fault_of(64, reads_unwritten, out.data()), "none");
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(std::isnan(out[i])) << i;
  expect_says(fault_of(32, too_much_shared, out.data()), {"48 KiB are not enough"});
  EXPECT_THROW(launch(lots_of_shared, 1, 32, 100 << 10), std::logic_error);
}

__global__ void writes(float* out, int at) { out[at] = 1; }
__global__ void reads(float* out, const float* in, int at) { out[0] = in[at]; }

TEST(CudaOnHostDeathTest, FindsAccessesOutsideBuffers) {
  DeviceBuffer<float> out("out", 64), in("in", 32);
  EXPECT_EQ(fault_of(1, writes, out.data(), 63), "none");
  EXPECT_DEATH(launch(writes, 2, 1, 0, out.data(), 64), "");
  EXPECT_DEATH(launch(reads, 2, 1, 0, out.data(), in.data(), 32), "");
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_DEATH(launch(writes, 2, 1, 0, out.data(), 64), "touched 0 bytes behind the end of out .block 0,0,0, thread 0.");
  expect_says(fault_of(1, writes, out.data(), -1), {"4 bytes before out"});
  const DeviceBuffer<float> odd("odd", 3);
  expect_says(fault_of(1, writes, const_cast<float*>(odd.data()), 3), {"0 bytes behind the end of odd"});
  cuda_on_host::closed_end = cuda_on_host::ClosedEnd::kFirst;
  DeviceBuffer<float> other("other", 64);
  cuda_on_host::closed_end = cuda_on_host::ClosedEnd::kLast;
  EXPECT_DEATH(launch(reads, 2, 1, 0, out.data(), other.data(), -1), "touched 4 bytes before other");
  expect_says(fault_of(1, writes, other.data(), 64), {"0 bytes behind the end of other"});
#else
  EXPECT_DEATH(launch(writes, 2, 1, 0, out.data(), -1), "poison");
#endif
}

/// Twice each thread's number, by way of both its neighbours, with the barriers that are asked for.
template <bool kFirst, bool kSecond>
__global__ void neighbours(float* out) {
  FSC_DYNAMIC_SHARED(float, values);
  values[threadIdx.x] = threadIdx.x;
  if constexpr (kFirst) __syncthreads();
  const float next = values[(threadIdx.x + 1) % blockDim.x];
  if constexpr (kSecond) __syncthreads();
  values[threadIdx.x] = 2 * next;
  __syncthreads();
  out[threadIdx.x] = values[(threadIdx.x + blockDim.x - 1) % blockDim.x];
}
template <bool kFirst, bool kSecond>
bool is_right(Schedule schedule, unsigned threads) {
  DeviceBuffer<float> out("out", threads);
  if (fault_of(schedule, threads, neighbours<kFirst, kSecond>, out.data()) != "none") return false;
  for (unsigned i = 0; i < threads; ++i)
    if (out[i] != 2.0f * i) return false;
  return true;
}

TEST(CudaOnHost, SomeScheduleShowsAMissingBarrier) {
  int first = 0, second = 0;
  for (const Schedule& schedule : std::vector<Schedule>{{Schedule::kForward},
                                                        {Schedule::kBackward},
                                                        {Schedule::kRandom, 1},
                                                        {Schedule::kWarpFirst, 0},
                                                        {Schedule::kWarpFirst, 1},
                                                        {Schedule::kWarpFirst, 2}}) {
    EXPECT_TRUE((is_right<true, true>(schedule, 96))) << schedule.name();
    first += !is_right<false, true>(schedule, 96);
    second += !is_right<true, false>(schedule, 96);
  }
  EXPECT_GE(first, 3);
  EXPECT_GE(second, 3);
}

__global__ void lanes_together(float* sums, unsigned* votes, int* shifted) {
  const int lane = threadIdx.x % 32;
  float sum = threadIdx.x;
  for (int step = 16; step; step /= 2) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
  sums[threadIdx.x] = sum;
  const unsigned ballot = __ballot_sync(0xFFFFFFFFu, lane % 3 == 0);
  const int any = __any_sync(0xFFFFFFFFu, lane == 31), all = __all_sync(0xFFFFFFFFu, lane < 31);
  votes[threadIdx.x] = any && !all ? ballot : 0;
  shifted[threadIdx.x] = __shfl_down_sync(0xFFFFFFFFu, lane, 2) + 100 * __shfl_up_sync(0xFFFFFFFFu, lane, 1, 8) +
                         10000 * __shfl_sync(0xFFFFFFFFu, lane, lane / 2);
}

TEST(CudaOnHost, WarpsComputeAsOnADevice) {
  DeviceBuffer<float> sums("sums", 64);
  DeviceBuffer<unsigned> votes("votes", 64);
  DeviceBuffer<int> shifted("shifted", 64);
  for_every_schedule([&] { launch(lanes_together, 1, 64, 0, sums.data(), votes.data(), shifted.data()); },
                     [&] {
                       for (int i = 0; i < 64; ++i) {
                         const int lane = i % 32;
                         EXPECT_EQ(sums[i], i < 32 ? 496 : 1520);
                         EXPECT_EQ(votes[i], 0x49249249u);
                         EXPECT_EQ(shifted[i],
                                   (lane < 30 ? lane + 2 : lane) + 100 * (lane % 8 ? lane - 1 : lane) + 10000 * (lane / 2));
                       }
                     });
}

/// out = a b^t, 16 x 16 x 32.
template <class T>
__global__ void product(const T* a, const T* b, float* out) {
  namespace wmma = nvcuda::wmma;
  wmma::fragment<wmma::accumulator, 16, 16, 16, float> sum;
  wmma::fill_fragment(sum, 0.0f);
  for (int k = 0; k < 32; k += 16) {
    wmma::fragment<wmma::matrix_a, 16, 16, 16, T, wmma::row_major> left;
    wmma::fragment<wmma::matrix_b, 16, 16, 16, T, wmma::col_major> right;
    wmma::load_matrix_sync(left, a + k, 32);
    wmma::load_matrix_sync(right, b + k, 32);
    wmma::mma_sync(sum, left, right, sum);
  }
  wmma::store_matrix_sync(out, sum, 16, wmma::mem_row_major);
}
__nv_bfloat16 made_of(float value, __nv_bfloat16) { return __float2bfloat16(value); }
__half made_of(float value, __half) { return __float2half(value); }

template <class T>
void expect_product() {
  std::vector<T> a, b;
  for (int i = 0; i < 512; ++i) {
    a.push_back(made_of(static_cast<float>(i % 7 - 3), T{}));
    b.push_back(made_of(static_cast<float>(i % 11 - 5), T{}));
  }
  DeviceBuffer<T> left("a", a), right("b", b);
  DeviceBuffer<float> out("out", 256);
  for_every_schedule([&] { launch(product<T>, 1, 32, 0, left.data(), right.data(), out.data()); },
                     [&] {
                       for (int i = 0; i < 256; ++i) {
                         float sum = 0;
                         for (int k = 0; k < 32; ++k) sum += ((i / 16 * 32 + k) % 7 - 3) * ((i % 16 * 32 + k) % 11 - 5);
                         ASSERT_EQ(out[i], sum) << i;
                       }
                     });
  expect_says(fault_of(32, product<T>, left.data() + 8, right.data(), out.data()), {"multiple of 32 bytes"});
}

TEST(CudaOnHost, MatrixProducts) {
  expect_product<__nv_bfloat16>();
  expect_product<__half>();
}

TEST(CudaOnHost, FloatsRoundToNearestEven) {
  EXPECT_EQ(__bfloat162float(__float2bfloat16(1.00390625f)), 1.0f);  // halfway: the even one
  EXPECT_EQ(__bfloat162float(__float2bfloat16(1.01171875f)), 1.015625f);
  EXPECT_TRUE(std::isnan(__bfloat162float(__float2bfloat16(NAN))));
  EXPECT_EQ(__bfloat162float(__float2bfloat16(INFINITY)), INFINITY);
  EXPECT_EQ(__half2float(__float2half(2049.0f)), 2048.0f);
  EXPECT_EQ(__half2float(__float2half(1e6f)), INFINITY);
}

template <bool kWait>
__global__ void copies(const float* in, float* out) {
  FSC_DYNAMIC_SHARED(float, staged);
  float* mine = staged + 8 * threadIdx.x;
  for (int group = 0; group < 2; ++group) {
    __pipeline_memcpy_async(mine + 4 * group, in + 4 * group, 16, group ? 4 : 0);
    __pipeline_commit();
  }
  if constexpr (kWait) __pipeline_wait_prior(1);
  for (int i = 0; i < 4; ++i) out[i] = mine[i];
  if constexpr (kWait) __pipeline_wait_prior(0);
  for (int i = 4; i < 8; ++i) out[i] = mine[i];
  __pipeline_wait_prior(0);
}
__global__ void forgets_its_copy(const float* in, float* out) {
  FSC_DYNAMIC_SHARED(float, staged);
  __pipeline_memcpy_async(staged, in, 16);
  out[0] = 1;
}
__global__ void copies_unaligned(const float* in) {
  FSC_DYNAMIC_SHARED(float, staged);
  __pipeline_memcpy_async(staged, in + 1, 16);
}

TEST(CudaOnHost, AsynchronousCopiesShowAtTheirWait) {
  const DeviceBuffer<float> in("in", std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8});
  DeviceBuffer<float> out("out", 8);
  EXPECT_EQ(fault_of(1, copies<true>, in.data(), out.data()), "none");
  EXPECT_EQ(out.values(), (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 0}));
  EXPECT_EQ(fault_of(1, copies<false>, in.data(), out.data()), "none");
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(std::isnan(out[i])) << i;
  expect_says(fault_of(1, forgets_its_copy, in.data(), out.data()), {"without waiting"});
  expect_says(fault_of(1, copies_unaligned, in.data()), {"multiples of it"});
}

}  // namespace
}  // namespace fsc
