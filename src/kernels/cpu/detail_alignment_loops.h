// The loops of detail_alignment.h in vectors as wide as the including file's compile flags allow.
//
// Similarities stand patch by patch with the tokens side by side: what runs over the patches of a token (minimum, maximum, sum)
// runs in lanes.
#pragma once
#include "kernels/cpu/detail_alignment.h"
#include "kernels/cpu/detail_tile.h"

namespace fsc::detail {
namespace {

constexpr float kSmallestNorm = 1e-12F;

inline float at_least_smallest(float norm) { return norm > kSmallestNorm ? norm : kSmallestNorm; }

/// Similarities of one vector of tokens, a_P at stride -> their weights over the patches. NaN is handed on, as ATen's amin and
/// amax do.
inline void minmax_weights(float* a_P, size_t stride, size_t patches, bool sparsify) {
  Vector low = load(a_P), high = low;
  for (size_t p = 1; p < patches; ++p) {
    const Vector a = load(a_P + p * stride);
    low = a < low || a != a ? a : low;
    high = a > high || a != a ? a : high;
  }
  const auto flat = high == low;
  const Vector range = high - low, least = broadcast(sparsify ? 1.0F / static_cast<float>(patches) : 0.0F);
  Vector sum{};
  for (size_t p = 0; p < patches; ++p) {
    Vector weight = (load(a_P + p * stride) - low) / range;
    weight = flat ? broadcast(1.0F) : weight;
    weight = weight < least ? Vector{} : weight;
    sum += weight;
    store(a_P + p * stride, weight);
  }
  for (size_t p = 0; p < patches; ++p) store(a_P + p * stride, load(a_P + p * stride) / sum);
}

inline void softmax_weights(float* a_P, size_t stride, size_t patches) {
  Vector high = load(a_P), sum{};
  for (size_t p = 1; p < patches; ++p) high = larger(load(a_P + p * stride), high);
  for (size_t p = 0; p < patches; ++p) {
    const Vector weight = exponential(load(a_P + p * stride) - high);
    sum += weight;
    store(a_P + p * stride, weight);
  }
  for (size_t p = 0; p < patches; ++p) store(a_P + p * stride, load(a_P + p * stride) / sum);
}

/// Up to kAlignmentTokens tokens of an image, worked on in the image's scratch memory.
template <typename Number>
struct TokenTile {
  const AlignmentShape& shape;
  const AlignmentImage& image;
  const int64_t* rows;
  size_t count, stride;
  const float* patches_PD;
  float *weights_PT, *side_by_side_DT, *aligned_TD;

  const Number* token(size_t t) const { return static_cast<const Number*>(image.tokens_VD) + rows[t] * shape.width; }
  float* kept(size_t t) const { return image.kept_VK + rows[t] * kAlignmentKept; }

  /// Similarities of the tokens and the patches, whose numbers are Numbers: floats, or bf16 with PairTerm. `depth` of them a row.
  template <typename Term, typename Numbers>
  void compare(const float* patches, size_t depth) {
    const Numbers* tokens[kAlignmentTokens];
    for (size_t t = 0; t < count; ++t) tokens[t] = reinterpret_cast<const Numbers*>(token(t));
    transpose(tokens, count, depth, side_by_side_DT);
    multiply<Term>({patches, depth, 1}, side_by_side_DT, stride, shape.patches, stride, depth, weights_PT, stride, false);
  }
  void compare() {
#if defined(__AVX512BF16__)
    // Products of bf16 numbers are exact either way.
    if (sizeof(Number) == sizeof(uint16_t) && shape.width % 2 == 0)
      return compare<PairTerm, float>(static_cast<const float*>(image.patches_PD), shape.width / 2);
#endif
    compare<FloatTerm, Number>(patches_PD, shape.width);
  }

  /// Weights of the tokens over the patches, and the patches' sums by these.
  void align() {
    compare();
    for (size_t t = 0; t < stride; t += kLanes) {
      if (shape.softmax)
        softmax_weights(weights_PT + t, stride, shape.patches);
      else
        minmax_weights(weights_PT + t, stride, shape.patches, shape.sparsify);
    }
    multiply({weights_PT, 1, stride}, patches_PD, shape.width, count, shape.width, shape.patches, aligned_TD, shape.width, false);
  }

  void keep_cosines() const {
    for (size_t t = 0; t < count; ++t) {
      const Number* const token_D = token(t);
      const float* const aligned_D = aligned_TD + t * shape.width;
      Vector product{}, aligned_square{}, token_square{};
      for_each_vector(shape.width, [&](size_t d, size_t whole) {
        const Vector x = load_upto(token_D + d, whole), m = load_upto(aligned_D + d, whole);
        product += x * m;
        aligned_square += m * m;
        token_square += x * x;
      });
      const float aligned = __builtin_sqrtf(sum_of_lanes(aligned_square)), own = __builtin_sqrtf(sum_of_lanes(token_square));
      float* const to = kept(t);
      to[0] = sum_of_lanes(product) / at_least_smallest(aligned) / at_least_smallest(own);
      to[1] = aligned;
      to[2] = own;
    }
  }

  /// Gradients of the tokens; that of each aligned vector takes its place.
  void differentiate(const float* cosine_gradient_V, Number* token_gradient_VD) {
    for (size_t t = 0; t < count; ++t) {
      const Number* const token_D = token(t);
      float* const aligned_D = aligned_TD + t * shape.width;
      Number* const out_D = token_gradient_VD + rows[t] * shape.width;
      const float *const of = kept(t), aligned = at_least_smallest(of[1]), own = at_least_smallest(of[2]);
      const float gradient = cosine_gradient_V[rows[t]], along = gradient * of[0];
      // Where a norm is below the smallest one it is a constant: nothing of the direction is taken away.
      const float cross = gradient / aligned / own, of_aligned = of[1] < kSmallestNorm ? 0.0F : along / aligned / aligned,
                  of_own = of[2] < kSmallestNorm ? 0.0F : along / own / own;
      for_each_vector(shape.width, [&](size_t d, size_t whole) {
        const Vector x = load_upto(token_D + d, whole), m = load_upto(aligned_D + d, whole);
        store_upto(out_D + d, cross * m - of_own * x, whole);
        store_upto(aligned_D + d, cross * x - of_aligned * m, whole);
      });
    }
  }
};

/// The patches as float: themselves, or unpacked into `to`.
inline const float* as_floats(const float* from, size_t, float*) { return from; }
inline const float* as_floats(const uint16_t* from, size_t size, float* to) {
  for_each_vector(size, [&](size_t i, size_t whole) { store_upto(to + i, load_upto(from + i, whole), whole); });
  return to;
}
inline float* room_for(float* result, float*) { return result; }
inline float* room_for(uint16_t*, float* scratch) { return scratch; }
inline void finish(const float*, size_t, float*) {}
inline void finish(const float* from, size_t size, uint16_t* to) {
  for_each_vector(size, [&](size_t i, size_t whole) { store_upto(to + i, load_upto(from + i, whole), whole); });
}

/// Calls each(tile, whether it is the first) for the image's tokens.
template <typename Number, typename Function>
inline void for_each_tile(const AlignmentShape& shape, const AlignmentImage& image, float* floats, const Function& each) {
  const size_t size = shape.patches * shape.width;
  float* const tokens = image.scratch;
  float* const weights = tokens + 2 * kAlignmentTokens * shape.width;
  const float* const patches = as_floats(static_cast<const Number*>(image.patches_PD), size, floats);
  for (size_t first = 0; first < image.count; first += kAlignmentTokens) {
    const size_t left = image.count - first, count = left < kAlignmentTokens ? left : kAlignmentTokens;
    TokenTile<Number> tile{.shape = shape,
                           .image = image,
                           .rows = image.rows + first,
                           .count = count,
                           .stride = padded(count),
                           .patches_PD = patches,
                           .weights_PT = weights,
                           .side_by_side_DT = tokens,
                           .aligned_TD = tokens + kAlignmentTokens * shape.width};
    tile.align();
    each(tile, first == 0);
  }
}

inline float* after_tiles(const AlignmentShape& shape, float* scratch) {
  return scratch + kAlignmentTokens * (shape.patches + 2 * shape.width);
}

template <typename Number>
inline void forward_image(const AlignmentShape& shape, const AlignmentImage& image) {
  for_each_tile<Number>(shape, image, after_tiles(shape, image.scratch), [](auto& tile, bool) { tile.keep_cosines(); });
}

template <typename Number>
inline void backward_image(const AlignmentShape& shape, const AlignmentImage& image, const AlignmentGradientsOut& gradients) {
  const size_t size = shape.patches * shape.width;
  float* const floats = after_tiles(shape, image.scratch);
  Number* const result = static_cast<Number*>(gradients.patches_PD);
  float* const sums = room_for(result, floats + size);
  for_each_tile<Number>(shape, image, floats, [&](auto& tile, bool first) {
    tile.differentiate(gradients.cosine_V, static_cast<Number*>(gradients.tokens_VD));
    multiply({tile.weights_PT, tile.stride, 1}, tile.aligned_TD, shape.width, shape.patches, shape.width, tile.count, sums,
             shape.width, !first);
  });
  if (image.count == 0) for_each_vector(size, [&](size_t i, size_t whole) { store_upto(sums + i, Vector{}, whole); });
  finish(sums, size, result);
}

inline void align_forward(const AlignmentShape& shape, const AlignmentImage& image) {
  shape.bf16 ? forward_image<uint16_t>(shape, image) : forward_image<float>(shape, image);
}
inline void align_backward(const AlignmentShape& shape, const AlignmentImage& image, const AlignmentGradientsOut& gradients) {
  shape.bf16 ? backward_image<uint16_t>(shape, image, gradients) : backward_image<float>(shape, image, gradients);
}

}  // namespace
}  // namespace fsc::detail
