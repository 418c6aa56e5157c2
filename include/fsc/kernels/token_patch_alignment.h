// Local alignment score of texts and images: every token looks for its own patches (paper section 3.2).
//
//   a_p = <t, v_p>                                       no gradient through a
//   w_p = (a_p - min a) / (max a - min a), summing to 1  minmax; with `sparsify`, values below 1/P become 0 before the sum
//       | softmax over p of a_p                          softmax
//   c_t = <normalise(sum_p w_p v_p), normalise(t)>
//   S   = logsumexp over the text's tokens of s c_t
//
// Fused: everything between the tokens and the score. Kept for the backward: a few numbers a token (cosine, norms; on CUDA the
// weights' minimum, maximum and sum too); similarities, weights and aligned vectors are computed again. Nothing of size [V, P] or
// [V, D] is stored, patches are not copied for each text. Deterministic: every gradient row is written by one owner in a fixed
// order.
//
// Bytes: patches and tokens are read once by the forward and once by the backward, each gradient is written once.
//
// Tolerance against the reference, as a share of the largest number of each result: 1e-5 in float32, a unit of bf16 or fp16 for
// gradients of that type. With `sparsify` a similarity that rounding moves over 1/P takes or gives a weight of some 2 / P^2 of
// them all: a verification allows 1e-2 there, 1e-4 elsewhere.
//
// Shape suffixes: B images, P patches, R texts, V valid tokens of all texts, D embedding size.
#pragma once
#include <torch/types.h>

namespace fsc {

/// loss.similarity_normalizer: how token-patch similarities become weights over patches.
enum class SimilarityNormalizer { kMinmax, kSoftmax };

/// patches_BPD, tokens_VD: un-normalised, float32, bf16, fp16 or float64. offsets_R1 int64: text r has the tokens offsets[r] ...
/// offsets[r + 1] - 1; owner_R int64: its image; scale 0-d. All patches alike (max = min) give uniform weights where the official
/// code yields NaN; a text without tokens scores -1e30. -> [R], float32 at least.
torch::Tensor alignment_scores(const torch::Tensor& patches_BPD, const torch::Tensor& tokens_VD, const torch::Tensor& offsets_R1,
                               const torch::Tensor& owner_R, const torch::Tensor& scale, SimilarityNormalizer normalizer,
                               bool sparsify);

}  // namespace fsc
