// siglip_loss: the sigmoid loss over all pairs of images and captions.
#include <optional>

#include "fsc/losses/objective.h"

namespace fsc {

std::optional<Term> siglip_term(const LossConfig& config) {
  if (config.name != LossName::kSiglip) return std::nullopt;
  const auto loss = [](const Features& f) {
    return sigmoid_loss(f.image_BD, f.text_RD.index_select(0, f.roles.captions_B()), f.scale, f.bias, f.world);
  };
  return Term{.name = "siglip_loss", .needs = {.bias = true}, .loss = loss};
}

}  // namespace fsc
