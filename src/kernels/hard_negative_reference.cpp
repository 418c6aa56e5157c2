// The (1+N)-way loss as ATen operations.
#include "kernels/detail_float32.h"
#include "kernels/detail_pair_losses.h"

namespace fsc::detail {

SumAndCount hard_negative_reference(const torch::Tensor& logits_BK, const torch::Tensor& valid_BN, const Calibration& calibration,
                                    MissingNegatives missing) {
  const NoAutocast guard;
  auto logits = at_least_float32(logits_BK);
  const auto has_negative_B = valid_BN.any(1);
  const auto exists_BK = torch::cat({valid_BN.new_ones({valid_BN.size(0), 1}), valid_BN}, 1);
  if (missing == MissingNegatives::kMasked) logits = logits.masked_fill(exists_BK.logical_not(), kMinusInfinity);

  // Labels: 1 - beta for the caption, and beta shared evenly by the caption and the negatives that exist.
  const double beta = calibration.label_smoothing;
  const auto share_B1 = beta / exists_BK.sum(1, /*keepdim=*/true).to(logits.scalar_type());
  auto labels_BK = share_B1 * exists_BK;
  labels_BK.select(1, 0) += 1.0 - beta;

  // Focal weight (1-p)^gamma. A power below 1 has an infinite slope at p = 1; there the clamp makes it 0, which is the limit
  // of the whole term's slope.
  const auto surprise_BK = -logits.log_softmax(1);
  const auto doubt_BK = (1.0 - (-surprise_BK).exp()).clamp_min(1e-12);
  const auto loss_B = (labels_BK * doubt_BK.pow(calibration.focal_gamma) * surprise_BK).sum(1);

  // Rows without a negative as zeros: no boolean indexing, so nothing waits for the device.
  return {torch::where(has_negative_B, loss_B, torch::zeros_like(loss_B)).sum(), has_negative_B.sum()};
}

}  // namespace fsc::detail
