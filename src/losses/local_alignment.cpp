// Local alignment score of texts and images: every token looks for its own patches (paper section 3.2).
#include "fsc/losses/losses.h"
#include "losses/detail_float32.h"

namespace fsc {
namespace {
using detail::at_least_float32;
using detail::kMinusInfinity;

torch::Tensor unit(const torch::Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12); }

/// How much each patch belongs to each token: rows of similarities [R,T,P] -> rows that sum to 1.
torch::Tensor patch_weights(const torch::Tensor& similarity_RTP, SimilarityNormalizer normalizer, bool sparsify) {
  if (normalizer == SimilarityNormalizer::kSoftmax) return similarity_RTP.softmax(-1);
  const auto low = similarity_RTP.amin(-1, true), high = similarity_RTP.amax(-1, true);
  // All patches alike: the reference divides 0 by 0 here; even weights are what the formula tends to say.
  const auto flat = high.eq(low);
  auto weights = ((similarity_RTP - low) / (high - low).masked_fill(flat, 1)).masked_fill(flat, 1);
  if (sparsify) weights = weights.masked_fill(weights.lt(1.0 / static_cast<double>(weights.size(-1))), 0);
  return weights / weights.sum(-1, true);
}

}  // namespace

torch::Tensor local_scores(const torch::Tensor& image_tokens_BPD, const torch::Tensor& text_tokens_RTD,
                           const torch::Tensor& valid_RT, const torch::Tensor& owner_R, const torch::Tensor& scale,
                           SimilarityNormalizer normalizer, bool sparsify) {
  TORCH_CHECK(image_tokens_BPD.dim() == 3 && text_tokens_RTD.dim() == 3 && image_tokens_BPD.size(2) == text_tokens_RTD.size(2),
              "local_scores: patches ", image_tokens_BPD.sizes(), " have to be [B,P,D] and tokens ", text_tokens_RTD.sizes(),
              " [R,T,D]");
  TORCH_CHECK(valid_RT.sizes() == text_tokens_RTD.sizes().slice(0, 2) && valid_RT.scalar_type() == torch::kBool,
              "local_scores: valid ", valid_RT.sizes(), " has to be bool [R,T]");
  const NoAutocast guard;
  const auto patches_RPD = at_least_float32(image_tokens_BPD).index_select(0, owner_R);
  const auto tokens_RTD = at_least_float32(text_tokens_RTD);

  // The weights only choose patches; no gradient flows through the choice.
  const auto similarity_RTP = torch::bmm(tokens_RTD.detach(), patches_RPD.detach().transpose(1, 2));
  const auto weights_RTP = patch_weights(similarity_RTP, normalizer, sparsify);
  const auto aligned_RTD = unit(torch::bmm(weights_RTP, patches_RPD));

  const auto cosine_RT = (aligned_RTD * unit(tokens_RTD)).sum(-1);
  return (at_least_float32(scale) * cosine_RT).masked_fill(valid_RT.logical_not(), kMinusInfinity).logsumexp(1);
}

}  // namespace fsc
