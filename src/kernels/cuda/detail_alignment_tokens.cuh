// Token-patch alignment on CUDA: a block with a tile of an image's tokens, forward and for the tokens' gradients.
#pragma once
#include "kernels/cuda/detail_alignment.cuh"

namespace fsc::detail {
namespace {

/// Distance of the rows of similarities of a tile of tokens.
__host__ __device__ inline int similarity_stride(int patches) { return (patches + 63) / 64 * 64 + 4; }

/// Of two buffers with kTokens rows of tokens and kPatchesAtOnce of patches; the sums; the similarities.
template <int kTokens>
size_t token_tile_bytes(int patches) {
  return 2 * (kTokens + kPatchesAtOnce) * 144 + kTokens * (kSumStride + similarity_stride(patches)) * sizeof(float);
}

/// Of one tile of tokens: shared memory, and what is known of each token.
template <class T, int kTokens, bool kBackward>
class TokenTile {
 public:
  __device__ TokenTile(const AlignmentArguments<T>& in, int image, unsigned char* memory)
      : in_(in),
        patches_PD_(in.patches_BPD + static_cast<size_t>(image) * in.patches * in.depth),
        stages_(reinterpret_cast<T*>(memory)),
        sums_(reinterpret_cast<float*>(memory + 2 * (kTokens + kPatchesAtOnce) * 144)),
        similarities_(sums_ + kTokens * kSumStride),
        stride_(similarity_stride(in.patches)) {}

  /// rows: `count` rows of tokens_VD, in shared memory, read when all threads have come. `known`: two floats a token.
  __device__ void run(const int* rows, int count, float2* known) {
    rows_ = rows;
    count_ = count;
    known_ = known;
    similarities();
    __syncthreads();  // tiles of other warps
    for (int token = threadIdx.x / 32; token < kTokens; token += kWarps) weights(token);
    aligned();  // which begins by waiting for weights and known_ of other warps
  }

 private:
  static constexpr int kDepth = kStageColumns<T>, kStride = kStageStride<T>;
  /// Patches that are multiplied with their weights at a time, and the distance of rows of kColumnsAtOnce columns.
  static constexpr int kWeightDepth = sizeof(T) == 4 ? 32 : 64, kColumnStride = kColumnsAtOnce + 16 / sizeof(T);
  static_assert(kWeightDepth * kColumnStride <= kPatchesAtOnce * kStride);

  __device__ T* tokens_stage(int buffer) const { return stages_ + buffer * (kTokens + kPatchesAtOnce) * kStride; }
  __device__ T* patches_stage(int buffer) const { return tokens_stage(buffer) + kTokens * kStride; }
  __device__ const T* token(int i) const { return in_.tokens_VD + static_cast<size_t>(rows_[i]) * in_.depth; }
  __device__ const T* patch(int p) const { return p < in_.patches ? patches_PD_ + static_cast<size_t>(p) * in_.depth : nullptr; }
  /// Weights take the place of the similarities, each row from its beginning.
  __device__ T* weights_of(int token) const { return reinterpret_cast<T*>(similarities_ + token * stride_); }

  __device__ void similarities() {
    for (int first = 0; first < in_.patches; first += kPatchesAtOnce) {
      Tile<T, kTokens, kPatchesAtOnce, false> tile;
      tile.clear();
      const auto begin = [&](int piece, int buffer) {
        stage<kTokens, kDepth>(
            tokens_stage(buffer), kStride, [&](int i) { return i < count_ ? token(i) : nullptr; }, piece * kDepth, in_.depth,
            in_.vectors);
        stage<kPatchesAtOnce, kDepth>(
            patches_stage(buffer), kStride, [&](int p) { return patch(first + p); }, piece * kDepth, in_.depth, in_.vectors);
      };
      pipelined((in_.depth + kDepth - 1) / kDepth, begin,
                [&](int, int buffer) { tile.add_nt(tokens_stage(buffer), kStride, patches_stage(buffer), kStride, kDepth); });
      tile.store(similarities_ + first, stride_);
    }
  }

  /// A warp's work: one row. Leaves in known_ what aligned() needs.
  __device__ void weights(int token) {
    const int lane = threadIdx.x % 32, row = token < count_ ? rows_[token] : -1;
    const float* similarity = similarities_ + token * stride_;
    float low = INFINITY, high = -INFINITY;
    if constexpr (kBackward) {
      if (row >= 0) low = in_.kept_V[row].low, high = in_.kept_V[row].high;
    } else {
      for (int p = lane; p < in_.patches; p += 32) low = fminf(low, similarity[p]), high = fmaxf(high, similarity[p]);
      low = least_of_lanes(low);
      high = largest_of_lanes(high);
    }
    float sum = 0, product = 0;
    for (int p = lane; p < stride_ - 4; p += 32) {
      const float value = similarity[p];
      const T weight = rounded_to<T>(p < in_.patches ? patch_weight(value, low, high, in_) : 0.0f);
      sum += to_float(weight);
      product += to_float(weight) * value;
      __syncwarp();  // where T is shorter, weights of some lanes stand where others read a similarity
      weights_of(token)[p] = weight;
    }
    if (row < 0) return;
    if constexpr (kBackward)
      backward_factors(token, row);
    else
      keep(token, row, low, high, sum_of_lanes(sum), sum_of_lanes(product));
  }
  __device__ void keep(int token, int row, float low, float high, float sum, float product) {
    const int lane = threadIdx.x % 32;
    float square = 0;
    for (int d = lane; d < in_.depth; d += 32) {
      const float x = to_float(this->token(token)[d]);
      square += x * x;
    }
    square = sum_of_lanes(square);
    if (lane != 0) return;
    KeptOfToken& kept = in_.kept_V[row];
    kept.low = low;
    kept.high = high;
    kept.sum = sum;
    kept.token_norm = sqrtf(square);
    known_[token] = {sum, product / (sum * fmaxf(kept.token_norm, kLeastNorm))};
  }
  /// The token's gradient is x A - y t, A being the sum of weights (not yet divided) times patches.
  __device__ void backward_factors(int token, int row) {
    if (threadIdx.x % 32 != 0) return;
    const KeptOfToken kept = in_.kept_V[row];
    const float norm = fmaxf(kept.token_norm, kLeastNorm), gradient = in_.cosine_gradient_V[row] / norm;
    known_[token] = {gradient / (fmaxf(kept.aligned_norm, kLeastNorm) * kept.sum),
                     kept.token_norm < kLeastNorm ? 0.0f : gradient * kept.cosine / norm};
  }

  __device__ void aligned() {
    constexpr int kLanes = kThreads / kTokens;
    const int token = threadIdx.x / kLanes, pieces = (in_.patches + kWeightDepth - 1) / kWeightDepth;
    const int columns = (in_.depth + kColumnsAtOnce - 1) / kColumnsAtOnce;
    const int weights_stride = stride_ * static_cast<int>(sizeof(float) / sizeof(T));
    float square = 0;
    Tile<T, kTokens, kColumnsAtOnce, true> tile;
    tile.clear();
    const auto begin = [&](int i, int buffer) {
      const auto from = [&](int p) { return patch(i % pieces * kWeightDepth + p); };
      stage<kWeightDepth, kColumnsAtOnce>(patches_stage(buffer), kColumnStride, from, i / pieces * kColumnsAtOnce, in_.depth,
                                          in_.vectors);
    };
    pipelined(columns * pieces, begin, [&](int i, int buffer) {
      const int piece = i % pieces;
      tile.add_nn(weights_of(0) + piece * kWeightDepth, weights_stride, patches_stage(buffer), kColumnStride, kWeightDepth);
      if (piece + 1 < pieces) return;
      tile.store(sums_, kSumStride);
      tile.clear();
      __syncthreads();  // tiles of other warps
      if constexpr (kBackward)
        write_gradients(i / pieces * kColumnsAtOnce);
      else
        square += square_of(token, threadIdx.x % kLanes, kLanes);
    });
    if constexpr (!kBackward) {
      square = sum_of_lanes<kLanes>(square);
      if (token >= count_ || threadIdx.x % kLanes != 0) return;
      const float norm = sqrtf(square) / known_[token].x;
      in_.kept_V[rows_[token]].aligned_norm = norm;
      in_.kept_V[rows_[token]].cosine = known_[token].y / fmaxf(norm, kLeastNorm);
    }
  }
  __device__ float square_of(int token, int first, int step) const {
    float square = 0;
    for (int i = first; i < kColumnsAtOnce; i += step) square += sums_[token * kSumStride + i] * sums_[token * kSumStride + i];
    return square;
  }
  __device__ void write_gradients(int column) {
    for (int i = threadIdx.x; i < count_ * kColumnsAtOnce; i += kThreads) {
      const int token = i / kColumnsAtOnce, at = i % kColumnsAtOnce;
      if (column + at >= in_.depth) continue;
      const size_t place = static_cast<size_t>(rows_[token]) * in_.depth + column + at;
      in_.token_gradients_VD[place] =
          rounded_to<T>(known_[token].x * sums_[token * kSumStride + at] - known_[token].y * to_float(in_.tokens_VD[place]));
    }
  }

  const AlignmentArguments<T>& in_;
  const T* patches_PD_;
  T* stages_;
  float *sums_, *similarities_;
  int stride_;
  const int* rows_ = nullptr;
  int count_ = 0;
  float2* known_ = nullptr;
};

/// gridDim.x is a multiple of the number of images: each image's tiles are dealt out to as many blocks.
template <class T, int kTokens, bool kBackward>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce) alignment_tokens(AlignmentArguments<T> in) {
  FSC_DYNAMIC_SHARED(unsigned char, memory);
  FSC_STATIC_SHARED(int, rows, kTokens);
  FSC_STATIC_SHARED(float2, known, kTokens);
  const int blocks = gridDim.x / in.images, image = blockIdx.x / blocks, end = in.image_begin_B1[image + 1];
  TokenTile<T, kTokens, kBackward> tile(in, image, memory);
  for (int first = in.image_begin_B1[image] + blockIdx.x % blocks * kTokens; first < end; first += blocks * kTokens) {
    const int count = end - first < kTokens ? end - first : kTokens;
    __syncthreads();  // the tile before this one is done
    if (static_cast<int>(threadIdx.x) < count) rows[threadIdx.x] = in.rows_V[first + threadIdx.x];
    __syncthreads();  // rows of other threads
    tile.run(rows, count, known);
  }
}

}  // namespace
}  // namespace fsc::detail
