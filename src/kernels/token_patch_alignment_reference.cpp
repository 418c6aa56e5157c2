// The token-patch alignment as ATen operations: tokens padded to the longest text, patches once for every text.
#include "kernels/detail_alignment_reference.h"
#include "kernels/detail_float32.h"

namespace fsc::detail {
namespace {

torch::Tensor normalise(const torch::Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12); }

/// How much each patch belongs to each token: rows of similarities [R,T,P] -> rows that sum to 1.
torch::Tensor patch_weights(const torch::Tensor& similarity_RTP, SimilarityNormalizer normalizer, bool sparsify) {
  if (normalizer == SimilarityNormalizer::kSoftmax) return similarity_RTP.softmax(-1);
  const auto low = similarity_RTP.amin(-1, true), high = similarity_RTP.amax(-1, true);
  // All patches alike: the official code divides 0 by 0 here; even weights are what the formula tends to say.
  const auto flat = high.eq(low);
  auto weights = ((similarity_RTP - low) / (high - low).masked_fill(flat, 1)).masked_fill(flat, 1);
  if (sparsify) weights = weights.masked_fill(weights.lt(1.0 / static_cast<double>(weights.size(-1))), 0);
  return weights / weights.sum(-1, true);
}

}  // namespace

torch::Tensor alignment_scores_reference(const torch::Tensor& patches_BPD, const torch::Tensor& tokens_VD,
                                         const torch::Tensor& offsets_R1, const torch::Tensor& owner_R,
                                         const torch::Tensor& scale, SimilarityNormalizer normalizer, bool sparsify) {
  const int64_t texts = owner_R.size(0), tokens = tokens_VD.size(0);
  const auto length_R = offsets_R1.diff();
  const int64_t longest = tokens == 0 ? 1 : length_R.max().item<int64_t>();
  const auto text_V = torch::arange(texts, owner_R.options()).repeat_interleave(length_R);
  const auto place_V = torch::arange(tokens, owner_R.options()) - offsets_R1.index_select(0, text_V);
  const auto valid_RT = torch::arange(longest, owner_R.options()).lt(length_R.unsqueeze(1));
  const auto in_float_VD = at_least_float32(tokens_VD);
  const auto tokens_RTD = in_float_VD.new_zeros({texts, longest, in_float_VD.size(1)}).index_put({text_V, place_V}, in_float_VD);
  const auto patches_RPD = at_least_float32(patches_BPD).index_select(0, owner_R);

  // The weights only choose patches; no gradient flows through the choice.
  const auto similarity_RTP = torch::bmm(tokens_RTD.detach(), patches_RPD.detach().transpose(1, 2));
  const auto weights_RTP = patch_weights(similarity_RTP, normalizer, sparsify);
  const auto aligned_RTD = normalise(torch::bmm(weights_RTP, patches_RPD));

  const auto cosine_RT = (aligned_RTD * normalise(tokens_RTD)).sum(-1);
  return (at_least_float32(scale) * cosine_RT).masked_fill(valid_RT.logical_not(), kMinusInfinity).logsumexp(1);
}

}  // namespace fsc::detail
