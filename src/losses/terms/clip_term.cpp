// clip_loss: the contrastive loss; with loss.name clip the negatives are further columns of image -> text (NegCLIP).
#include <optional>

#include "fsc/losses/objective.h"
#include "losses/detail_gather.h"

namespace fsc {

std::optional<Term> clip_term(const LossConfig& config) {
  if (config.name == LossName::kSiglip) return std::nullopt;
  const auto loss = [config](const Features& f) {
    WorldColumns columns = f.world;
    if (config.name == LossName::kClip && !columns.extra_ED.defined()) {
      const auto rows_E = f.roles.negatives_BN().flatten();
      columns.extra_ED = detail::gather_or_zero(f.text_RD, rows_E);
      columns.extra_valid_E = rows_E.ge(0);
    }
    return contrastive_loss(f.image_BD, f.text_RD.index_select(0, f.roles.captions_B()), f.scale, columns,
                            config.missing_negatives);
  };
  return Term{
      .name = "clip_loss", .needs = {.other_rows = true, .other_negatives = config.name == LossName::kClip}, .loss = loss};
}

}  // namespace fsc
