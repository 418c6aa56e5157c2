// Token-patch alignment on CUDA: arguments of all its kernels, and those that work text by text.
#pragma once
#include "kernels/cuda/detail_tile.cuh"

namespace fsc::detail {
namespace {

/// What the backward needs of a token.
struct KeptOfToken {
  float low, high;  ///< of its similarities
  float sum;        ///< of its weights before they are divided by it
  float cosine;
  float aligned_norm, token_norm;
};
constexpr int kKeptColumns = sizeof(KeptOfToken) / sizeof(float);

/// Texts, sizes and everything that is float32 whatever the dtype.
struct AlignmentTexts {
  int images, texts, tokens, patches, depth;
  bool softmax;
  float threshold;  ///< weights below it become 0; minmax only
  bool vectors;     ///< rows of patches and tokens begin at multiples of 16 bytes
  const int64_t *offsets_R1, *owner_R;
  const float* scale;
  int *rows_V, *image_begin_B1;  ///< plan: rows of tokens_VD, those of an image one after another, text by text
  KeptOfToken* kept_V;           ///< by row
  float* score_R;
  const float* score_gradient_R;
  float *cosine_gradient_V, *scale_gradient_R;  ///< by row; each text's share of the scale's gradient
};
template <class T>
struct AlignmentArguments : AlignmentTexts {
  const T *patches_BPD, *tokens_VD;
  T *patch_gradients_BPD, *token_gradients_VD;
};

constexpr int kBlocksAtOnce = 3;  ///< of a multiprocessor: what registers must allow
constexpr float kLeastNorm = 1e-12f;
constexpr float kNoTokens = -1e30f;
constexpr int kPatchesAtOnce = 64, kColumnsAtOnce = 64, kSumStride = kColumnsAtOnce + 4;

/// Before it is divided by the sum of the token's weights.
__device__ inline float patch_weight(float similarity, float low, float high, const AlignmentTexts& in) {
  if (in.softmax) return expf(similarity - high);
  if (high == low) return 1.0f;
  const float weight = (similarity - low) / (high - low);
  return weight < in.threshold ? 0.0f : weight;
}

/// A warp for each text, and for each image: where its tokens begin in the order by (image, text).
__global__ void __launch_bounds__(kThreads) alignment_plan(AlignmentTexts in) {
  const int item = blockIdx.x * kWarps + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (item > in.texts + in.images) return;
  const bool is_text = item < in.texts;
  const int64_t owner = is_text ? in.owner_R[item] : item - in.texts;
  int before = 0;
  for (int other = lane; other < in.texts; other += 32)
    if (in.owner_R[other] < owner || (is_text && in.owner_R[other] == owner && other < item))
      before += static_cast<int>(in.offsets_R1[other + 1] - in.offsets_R1[other]);
  before = sum_of_lanes(before);
  if (is_text) {
    const int first = static_cast<int>(in.offsets_R1[item]), count = static_cast<int>(in.offsets_R1[item + 1]) - first;
    for (int token = lane; token < count; token += 32) in.rows_V[before + token] = first + token;
  } else if (lane == 0) {
    in.image_begin_B1[item - in.texts] = before;
  }
}

/// A warp for each text: log-sum-exp of its cosines.
__global__ void __launch_bounds__(kThreads) alignment_scores(AlignmentTexts in) {
  const int text = blockIdx.x * kWarps + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (text >= in.texts) return;
  const int first = static_cast<int>(in.offsets_R1[text]), end = static_cast<int>(in.offsets_R1[text + 1]);
  const float scale = *in.scale;
  float largest = -INFINITY, sum = 0;
  for (int row = first + lane; row < end; row += 32) largest = fmaxf(largest, scale * in.kept_V[row].cosine);
  largest = largest_of_lanes(largest);
  for (int row = first + lane; row < end; row += 32) sum += expf(scale * in.kept_V[row].cosine - largest);
  sum = sum_of_lanes(sum);
  if (lane == 0) in.score_R[text] = first == end ? kNoTokens : largest + logf(sum);
}

/// A warp for each text: gradients of its cosines, and of the scale.
__global__ void __launch_bounds__(kThreads) alignment_scores_backward(AlignmentTexts in) {
  const int text = blockIdx.x * kWarps + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (text >= in.texts) return;
  const int first = static_cast<int>(in.offsets_R1[text]), end = static_cast<int>(in.offsets_R1[text + 1]);
  const float scale = *in.scale, score = in.score_R[text], gradient = in.score_gradient_R[text];
  float of_scale = 0;
  for (int row = first + lane; row < end; row += 32) {
    const float cosine = in.kept_V[row].cosine, share = gradient * expf(scale * cosine - score);
    in.cosine_gradient_V[row] = scale * share;
    of_scale += cosine * share;
  }
  of_scale = sum_of_lanes(of_scale);
  if (lane == 0) in.scale_gradient_R[text] = of_scale;
}

}  // namespace
}  // namespace fsc::detail
