// Token-patch alignment on CUDA: a block with 32 patches of an image sums their gradient over the image's tokens.
#pragma once
#include <type_traits>

#include "kernels/cuda/detail_alignment.cuh"

namespace fsc::detail {
namespace {

constexpr int kPatchTile = 32;    ///< patches of a block
constexpr int kTokenTile = 32;    ///< tokens that are multiplied at a time
constexpr int kTokensHeld = 256;  ///< whose weights a block holds; it adds to what it wrote for an image with more

__host__ __device__ inline int patch_tiles(int patches) { return (patches + kPatchTile - 1) / kPatchTile; }

/// Weights times gradients, and what they are multiplied with: bf16 for half too, since gradients have no known range.
template <class T>
using GradientFactor = std::conditional_t<sizeof(T) == 4, float, __nv_bfloat16>;
template <class T>
constexpr int kHeldStride = kPatchTile + 16 / sizeof(T);

/// What a token does to the gradients of all patches: w g / n_A (x t + y dL/dt), w being the patch's weight before it is divided.
struct TokenFactors {
  float low, high;        ///< of its similarities
  float weight;           ///< g / (n_A times the sum of its weights)
  float token, gradient;  ///< x, y
};

/// Of two buffers with kTokenTile tokens and kPatchTile patches; the sums; the weights; rows and factors of the tokens held.
template <class T>
size_t patch_tile_bytes() {
  return 2 * (kTokenTile + kPatchTile) * 144 + kPatchTile * kSumStride * sizeof(float) +
         kTokensHeld * (kHeldStride<GradientFactor<T>> * sizeof(GradientFactor<T>) + sizeof(TokenFactors) + sizeof(int));
}

__device__ inline TokenFactors factors_of(const KeptOfToken& kept, float cosine_gradient) {
  constexpr float kNothing = 1e-30f;  // a gradient that is none: y would not be finite
  if (fabsf(cosine_gradient) < kNothing) return {kept.low, kept.high, 0, 0, 0};
  const float token_norm = fmaxf(kept.token_norm, kLeastNorm), aligned_norm = fmaxf(kept.aligned_norm, kLeastNorm);
  TokenFactors factors = {kept.low, kept.high, cosine_gradient / (aligned_norm * kept.sum), 1 / token_norm, 0};
  if (kept.aligned_norm < kLeastNorm) return factors;
  factors.gradient = -kept.cosine * token_norm / cosine_gradient;
  if (!(kept.token_norm < kLeastNorm)) factors.token *= 1 - kept.cosine * kept.cosine;
  return factors;
}

/// Neighbouring values, read and written at once.
template <class T, int kCount>
struct alignas(kCount * sizeof(T)) Several {
  T at[kCount];
};

/// The part of a block's work that is the same for all tokens.
template <class T>
class PatchTile {
 public:
  using Factor = GradientFactor<T>;

  __device__ PatchTile(const AlignmentArguments<T>& in, int image, int first_patch, unsigned char* memory)
      : in_(in),
        first_patch_(first_patch),
        place_((static_cast<size_t>(image) * in.patches + first_patch) * in.depth),
        stages_(memory),
        sums_(reinterpret_cast<float*>(memory + 2 * (kTokenTile + kPatchTile) * 144)),
        held_(reinterpret_cast<Factor*>(sums_ + kPatchTile * kSumStride)),
        factors_(reinterpret_cast<TokenFactors*>(held_ + kTokensHeld * kHeldStride<Factor>)),
        rows_(reinterpret_cast<int*>(factors_ + kTokensHeld)) {}

  /// The `count` tokens from `from` on of those in rows_V. `again`: adds to what was written.
  __device__ void run(int from, int count, bool again) {
    const int tiles = count > 0 ? (count + kTokenTile - 1) / kTokenTile : 1;  // one of no tokens gives 0
    __syncthreads();                                                          // the tokens before these are done
    for (int i = threadIdx.x; i < tiles * kTokenTile; i += kThreads) {
      rows_[i] = i < count ? in_.rows_V[from + i] : -1;
      factors_[i] = i < count ? factors_of(in_.kept_V[rows_[i]], in_.cosine_gradient_V[rows_[i]]) : TokenFactors{};
    }
    __syncthreads();  // rows and factors of other threads
    for (int tile = 0; tile < tiles; ++tile) weights(tile * kTokenTile);

    Tile<Factor, kPatchTile, kColumnsAtOnce, true> tile;
    tile.clear();
    const int columns = (in_.depth + kColumnsAtOnce - 1) / kColumnsAtOnce;
    const auto begin = [&](int i, int buffer) { stage_factors(i % tiles * kTokenTile, i / tiles * kColumnsAtOnce, buffer); };
    pipelined(columns * tiles, begin, [&](int i, int buffer) {
      const auto* held = held_ + i % tiles * kTokenTile * kHeldStride<Factor>;
      tile.add_tn(held, kHeldStride<Factor>, factors_stage(buffer), kFactorStride, kTokenTile);
      if (i % tiles + 1 < tiles) return;
      tile.store(sums_, kSumStride);
      tile.clear();
      __syncthreads();  // tiles of other warps
      write(i / tiles * kColumnsAtOnce, again);
    });
  }

 private:
  static constexpr int kDepth = kStageColumns<T>, kStride = kStageStride<T>;
  static constexpr int kFactorStride = kColumnsAtOnce + 16 / sizeof(Factor);
  static_assert(kTokenTile * kFactorStride * sizeof(Factor) <= (kTokenTile + kPatchTile) * 144);

  __device__ T* tokens_stage(int buffer) const {
    return reinterpret_cast<T*>(stages_) + buffer * (kTokenTile + kPatchTile) * kStride;
  }
  __device__ T* patches_stage(int buffer) const { return tokens_stage(buffer) + kTokenTile * kStride; }
  __device__ Factor* factors_stage(int buffer) const { return reinterpret_cast<Factor*>(tokens_stage(buffer)); }

  /// Similarities of a tile of tokens, as the forward had them, and from them the weights times g / n_A.
  __device__ void weights(int first) {
    Tile<T, kTokenTile, kPatchTile, false> tile;
    tile.clear();
    const auto token = [&](int i) {
      return rows_[first + i] < 0 ? nullptr : in_.tokens_VD + static_cast<size_t>(rows_[first + i]) * in_.depth;
    };
    const auto patch = [&](int p) {
      return first_patch_ + p < in_.patches ? in_.patches_BPD + place_ + static_cast<size_t>(p) * in_.depth : nullptr;
    };
    const auto begin = [&](int piece, int buffer) {
      stage<kTokenTile, kDepth>(tokens_stage(buffer), kStride, token, piece * kDepth, in_.depth, in_.vectors);
      stage<kPatchTile, kDepth>(patches_stage(buffer), kStride, patch, piece * kDepth, in_.depth, in_.vectors);
    };
    pipelined((in_.depth + kDepth - 1) / kDepth, begin,
              [&](int, int buffer) { tile.add_nt(tokens_stage(buffer), kStride, patches_stage(buffer), kStride, kDepth); });
    tile.store(sums_, kSumStride);
    __syncthreads();  // tiles of other warps
    for (int i = threadIdx.x; i < kTokenTile * kPatchTile; i += kThreads) {
      const int token = i / kPatchTile, p = i % kPatchTile;
      const TokenFactors& of = factors_[first + token];
      held_[(first + token) * kHeldStride<Factor> + p] =
          rounded_to<Factor>(of.weight * patch_weight(sums_[token * kSumStride + p], of.low, of.high, in_));
    }
  }
  /// What the weights of a tile of tokens are multiplied with: some columns of x t + y dL/dt.
  __device__ void stage_factors(int first, int column, int buffer) {
    Factor* to = factors_stage(buffer);
    if (in_.vectors) {
      constexpr int kVector = 16 / sizeof(T), kPieces = kColumnsAtOnce / kVector;
      for (int i = threadIdx.x; i < kTokenTile * kPieces; i += kThreads)
        factors_of_row<kVector>(first + i / kPieces, column + i % kPieces * kVector,
                                to + i / kPieces * kFactorStride + i % kPieces * kVector);
    } else {
      for (int i = threadIdx.x; i < kTokenTile * kColumnsAtOnce; i += kThreads)
        factors_of_row<1>(first + i / kColumnsAtOnce, column + i % kColumnsAtOnce,
                          to + i / kColumnsAtOnce * kFactorStride + i % kColumnsAtOnce);
    }
  }
  /// kCount columns at once, which are aligned to that many.
  template <int kCount>
  __device__ void factors_of_row(int token, int column, Factor* to) const {
    const int row = rows_[token];
    Several<T, kCount> tokens = {}, gradients = {};
    if (row >= 0 && column < in_.depth) {
      const size_t place = static_cast<size_t>(row) * in_.depth + column;
      tokens = *reinterpret_cast<const Several<T, kCount>*>(in_.tokens_VD + place);
      gradients = *reinterpret_cast<const Several<T, kCount>*>(in_.token_gradients_VD + place);
    }
    const TokenFactors& of = factors_[token];
    Several<Factor, kCount> values;
    for (int i = 0; i < kCount; ++i)
      values.at[i] = rounded_to<Factor>(of.token * to_float(tokens.at[i]) + of.gradient * to_float(gradients.at[i]));
    *reinterpret_cast<Several<Factor, kCount>*>(to) = values;
  }
  __device__ void write(int column, bool again) {
    for (int i = threadIdx.x; i < kPatchTile * kColumnsAtOnce; i += kThreads) {
      const int p = i / kColumnsAtOnce, at = i % kColumnsAtOnce;
      if (first_patch_ + p >= in_.patches || column + at >= in_.depth) continue;
      T& gradient = in_.patch_gradients_BPD[place_ + static_cast<size_t>(p) * in_.depth + column + at];
      gradient = rounded_to<T>(sums_[p * kSumStride + at] + (again ? to_float(gradient) : 0.0f));
    }
  }

  const AlignmentArguments<T>& in_;
  int first_patch_;
  size_t place_;
  unsigned char* stages_;
  float* sums_;
  Factor* held_;
  TokenFactors* factors_;
  int* rows_;
};

template <class T>
__global__ void __launch_bounds__(kThreads, kBlocksAtOnce) alignment_patches(AlignmentArguments<T> in) {
  FSC_DYNAMIC_SHARED(unsigned char, memory);
  const int tiles = patch_tiles(in.patches), image = blockIdx.x / tiles;
  const int begin = in.image_begin_B1[image], end = in.image_begin_B1[image + 1];
  PatchTile<T> tile(in, image, blockIdx.x % tiles * kPatchTile, memory);
  int first = begin;
  do {  // once for an image without tokens, too: its gradient is 0
    tile.run(first, end - first < kTokensHeld ? end - first : kTokensHeld, first > begin);
    first += kTokensHeld;
  } while (first < end);
}

}  // namespace
}  // namespace fsc::detail
