// global_hn_loss: an image's caption against its negatives by whole-sentence features (paper section 3.1).
#include <optional>

#include "fsc/losses/objective.h"
#include "losses/detail_gather.h"

namespace fsc {

std::optional<Term> global_hn_term(const LossConfig& config) {
  if (config.name == LossName::kClip || config.global_hn_weight == 0) return std::nullopt;
  const auto loss = [config](const Features& f) {
    const torch::Tensor& negatives_BN = f.roles.negatives_BN();
    const auto logits_BK = global_hn_logits(f.image_BD, f.text_RD, f.roles.captions_B(), negatives_BN, f.scale);
    return detail::mean_of(hard_negative_loss(logits_BK, negatives_BN.ge(0), config.calibration(), config.missing_negatives), f);
  };
  return Term{.name = "global_hn_loss",
              .weight = config.global_hn_weight,
              .needs = {.negatives = true},
              .scope = Scope::kImage,
              .loss = loss};
}

}  // namespace fsc
