// CUDA kernels of the (1+N)-way hard-negative loss: a thread a row, softmax, focal weight, labels and mask at once.
//
// Forward reads [B, K] logits and [B, N] flags once and writes a sum and a count a block, which a second launch adds in their
// order; backward reads the same and writes [B, K]: 5 K - 1 and 9 K - 1 bytes a row, the minimum.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/cuda/detail_sums.cuh"

namespace fsc::detail {
namespace {

struct HardNegativeRows {
  const float* logits = nullptr;  ///< [count, classes]
  const bool* valid = nullptr;    ///< [count, classes - 1]
  int count = 0, classes = 0;
  float gamma = 2, beta = 0;
  bool masked = false;  ///< a negative that does not exist has the logit -1e30, not its own
};

/// One row: log-probabilities, labels and what they make of the loss.
struct HardNegativeRow {
  const float* logits;
  const bool* valid;
  const HardNegativeRows& in;
  float maximum, log_sum, share;
  int negatives = 0;

  __device__ HardNegativeRow(const HardNegativeRows& in, int row)
      : logits(in.logits + static_cast<size_t>(row) * in.classes),
        valid(in.valid + static_cast<size_t>(row) * (in.classes - 1)),
        in(in) {
    maximum = logits[0];
    for (int c = 1; c < in.classes; ++c) {
      maximum = fmaxf(maximum, logit(c));
      negatives += valid[c - 1];
    }
    float sum = 0;
    for (int c = 0; c < in.classes; ++c) sum += expf(logit(c) - maximum);
    log_sum = logf(sum);
    share = in.beta / static_cast<float>(1 + negatives);
  }
  __device__ bool exists(int c) const { return c == 0 || valid[c - 1]; }
  __device__ float logit(int c) const { return in.masked && !exists(c) ? -1e30f : logits[c]; }
  __device__ float log_probability(int c) const { return logit(c) - maximum - log_sum; }
  __device__ float label(int c) const { return (exists(c) ? share : 0.f) + (c == 0 ? 1.f - in.beta : 0.f); }
  /// 1 - p. A power below 1 has an infinite slope at p = 1; there the bound makes it 0, the limit of the whole term's slope.
  __device__ float doubt(int c, float& slope) const {
    const float doubt = 1.f - expf(log_probability(c));
    slope = doubt >= 1e-12f ? doubt - 1.f : 0.f;
    return fmaxf(doubt, 1e-12f);
  }

  __device__ float loss() const {
    float sum = 0, unused;
    for (int c = 0; c < in.classes; ++c) sum -= label(c) * powf(doubt(c, unused), in.gamma) * log_probability(c);
    return sum;
  }
  /// of the class's term by its log-probability
  __device__ float slope(int c) const {
    float doubt_slope;
    const float q = doubt(c, doubt_slope);
    return -label(c) * (powf(q, in.gamma) + in.gamma * powf(q, in.gamma - 1) * doubt_slope * log_probability(c));
  }
};

/// No more blocks than threads that add their parts.
constexpr int kHardNegativeBlocks = kSumThreads;

/// sums and counts [blocks], of the rows with a negative.
__global__ void hard_negative_parts(HardNegativeRows in, float* sums, int* counts) {
  FSC_STATIC_SHARED(float, sum_room, kSumThreads);
  FSC_STATIC_SHARED(int, count_room, kSumThreads);
  float sum = 0;
  int count = 0;
  for (int i = static_cast<int>(blockIdx.x * kSumThreads + threadIdx.x); i < in.count;
       i += static_cast<int>(gridDim.x) * kSumThreads) {
    const HardNegativeRow row(in, i);
    if (row.negatives == 0) continue;
    sum += row.loss();
    ++count;
  }
  sum = block_sum(sum, sum_room);
  count = block_sum(count, count_room);
  if (threadIdx.x != 0) return;
  sums[blockIdx.x] = sum;
  counts[blockIdx.x] = count;
}

/// Adds the parts. One block.
__global__ void hard_negative_total(const float* sums, const int* counts, int blocks, float* sum, int64_t* count) {
  FSC_STATIC_SHARED(float, sum_room, kSumThreads);
  FSC_STATIC_SHARED(int, count_room, kSumThreads);
  const bool has_part = static_cast<int>(threadIdx.x) < blocks;
  const float total = block_sum(has_part ? sums[threadIdx.x] : 0.f, sum_room);
  const int rows = block_sum(has_part ? counts[threadIdx.x] : 0, count_room);
  if (threadIdx.x != 0) return;
  *sum = total;
  *count = rows;
}

/// gradient [count, classes], upstream of the sum.
__global__ void hard_negative_slopes(HardNegativeRows in, const float* upstream, float* gradient) {
  const int i = static_cast<int>(blockIdx.x * kSumThreads + threadIdx.x);
  if (i >= in.count) return;
  const HardNegativeRow row(in, i);
  const float factor = row.negatives > 0 ? *upstream : 0.f;
  float sum = 0;
  for (int c = 0; c < in.classes; ++c) sum += factor * row.slope(c);
  for (int c = 0; c < in.classes; ++c) {
    const float slope = factor * row.slope(c) - expf(row.log_probability(c)) * sum;
    gradient[static_cast<size_t>(i) * in.classes + c] = in.masked && !row.exists(c) ? 0.f : slope;
  }
}

/// sum [1], count [1].
template <class Runner>
void run_hard_negative_forward(Runner& run, const HardNegativeRows& in, float* sum, int64_t* count) {
  const int blocks = std::min((in.count + kSumThreads - 1) / kSumThreads, kHardNegativeBlocks);
  float* sums = run.floats(blocks);
  int* counts = run.ints(blocks);
  if (blocks > 0) run.launch(hard_negative_parts, dim3(blocks), kSumThreads, 0, in, sums, counts);
  run.launch(hard_negative_total, dim3(1), kSumThreads, 0, sums, counts, blocks, sum, count);
}

/// gradient [count, classes]; upstream [1]: of the sum.
template <class Runner>
void run_hard_negative_backward(Runner& run, const HardNegativeRows& in, const float* upstream, float* gradient) {
  const unsigned blocks = (in.count + kSumThreads - 1) / kSumThreads;
  if (blocks > 0) run.launch(hard_negative_slopes, dim3(blocks), kSumThreads, 0, in, upstream, gradient);
}

}  // namespace
}  // namespace fsc::detail
