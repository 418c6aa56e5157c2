// Rows of several processes: packed into one tensor, so that one exchange serves all of them, and taken apart.
#include "fsc/losses/objective.h"
#include "losses/detail_gather.h"

namespace fsc {

torch::Tensor rows_for_others(const Features& features, bool negatives) {
  std::vector<torch::Tensor> parts = {features.image_BD, features.text_RD.index_select(0, features.roles.captions_B())};
  const int64_t images = features.image_BD.size(0);
  if (negatives && features.roles.negatives_BN().size(1) > 0) {
    const torch::Tensor& rows_BN = features.roles.negatives_BN();
    parts.push_back(detail::gather_or_zero(features.text_RD, rows_BN).view({images, -1}));
    parts.push_back(rows_BN.ge(0).to(features.text_RD.scalar_type()));
  }
  for (auto& part : parts) part = part.to(features.image_BD.scalar_type());
  return torch::cat(parts, 1);
}

WorldColumns columns_of(const torch::Tensor& rows, int64_t width, int64_t negatives, int64_t offset) {
  WorldColumns columns{.offset = offset};
  columns.image_WD = rows.narrow(1, 0, width).contiguous();
  columns.text_WD = rows.narrow(1, width, width).contiguous();
  if (negatives == 0) return columns;
  columns.extra_ED = rows.narrow(1, 2 * width, negatives * width).reshape({-1, width});
  columns.extra_valid_E = rows.narrow(1, (2 + negatives) * width, negatives).detach().reshape({-1}).gt(0);
  return columns;
}

}  // namespace fsc
