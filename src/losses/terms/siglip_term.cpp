// siglip_loss: the sigmoid loss over all pairs of images and captions.
#include <optional>

#include "fsc/losses/objective.h"
#include "losses/detail_gather.h"

namespace fsc {

std::optional<Term> siglip_term(const LossConfig& config) {
  if (config.name != LossName::kSiglip) return std::nullopt;
  const auto loss = [](const Features& f) {
    return detail::shared(sigmoid_loss(f.image_BD, f.text_RD.index_select(0, f.roles.captions_B()), f.scale, f.bias, f.world), f);
  };
  return Term{.name = "siglip_loss", .needs = {.bias = true}, .loss = loss};
}

}  // namespace fsc
