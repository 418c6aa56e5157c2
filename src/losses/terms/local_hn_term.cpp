// local_hn_loss: an image's caption against its negatives by token-patch alignment (paper section 3.2).
#include <optional>

#include "fsc/losses/objective.h"
#include "losses/detail_gather.h"

namespace fsc {

std::optional<Term> local_hn_term(const LossConfig& config) {
  if (config.name == LossName::kClip || config.local_hn_weight == 0) return std::nullopt;
  const auto loss = [config](const Features& f) {
    TORCH_CHECK(f.image_tokens_BPD.defined() && f.text_tokens_VD.defined(), "local_hn_loss: the model made no dense tokens");
    const torch::Tensor& negatives_BN = f.roles.negatives_BN();
    const auto scores_R = alignment_scores(f.image_tokens_BPD, f.text_tokens_VD, f.text_offsets_R1, f.roles.owner_R, f.scale,
                                           config.similarity_normalizer, config.sparsify);
    const auto logits_BK = scores_to_logits(scores_R, f.roles.captions_B(), negatives_BN);
    return detail::mean_of(hard_negative_loss(logits_BK, negatives_BN.ge(0), config.calibration(), config.missing_negatives), f);
  };
  return Term{.name = "local_hn_loss",
              .weight = config.local_hn_weight,
              .needs = {.tokens = true, .negatives = true},
              .scope = Scope::kImage,
              .loss = loss};
}

}  // namespace fsc
