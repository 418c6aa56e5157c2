// The loops of the token-patch alignment as each instruction set offers them; no code, and nothing of the standard library.
#pragma once
#include <cstddef>
#include <cstdint>

namespace fsc::detail {

/// Tokens that go through the loops together; what is kept of each for the backward: cosine, norm of the aligned vector, norm of
/// the token.
inline constexpr size_t kAlignmentTokens = 64, kAlignmentKept = 3;

struct AlignmentShape {
  size_t patches, width;
  bool bf16, softmax, sparsify;  ///< sparsify is of minmax
};

/// One image with the tokens of all its texts. Numbers are float or bf16 as the shape says.
struct AlignmentImage {
  const void* patches_PD;
  const void* tokens_VD;  ///< of all images
  const int64_t* rows;    ///< which of them are this image's
  size_t count;
  float* kept_VK;
  float* scratch;  ///< alignment_scratch() numbers, on a cache line
};

/// Where the gradients of an image go: its own rows of both.
struct AlignmentGradientsOut {
  const float* cosine_V;  ///< d loss / d cosine
  void* patches_PD;
  void* tokens_VD;
};

struct AlignmentLoops {
  void (*forward)(const AlignmentShape& shape, const AlignmentImage& image);
  void (*backward)(const AlignmentShape& shape, const AlignmentImage& image, const AlignmentGradientsOut& gradients);
};
extern const AlignmentLoops kPortableAlignment, kAvx2Alignment, kAvx512Alignment, kAvx512Bf16Alignment;

/// Similarities, tokens side by side, aligned vectors, and in bf16 patches and their gradient in float.
inline size_t alignment_scratch(const AlignmentShape& shape) {
  const size_t tokens = kAlignmentTokens * (shape.patches + 2 * shape.width);
  return tokens + (shape.bf16 ? 2 * shape.patches * shape.width : 0);
}

}  // namespace fsc::detail
