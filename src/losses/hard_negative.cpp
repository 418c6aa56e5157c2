// Hard-negative losses: (1+N)-way logits of an image, and their selective calibrated regularisation (focal + smoothing).
#include "fsc/losses/losses.h"
#include "losses/detail_float32.h"
#include "losses/detail_gather.h"

namespace fsc {
using detail::at_least_float32;
using detail::candidate_rows;
using detail::gather_or_zero;
using detail::kMinusInfinity;

torch::Tensor global_hn_logits(const torch::Tensor& image_BD, const torch::Tensor& text_RD, const torch::Tensor& caption_B,
                               const torch::Tensor& rows_BN, const torch::Tensor& scale) {
  const NoAutocast guard;
  const auto candidates_BKD = gather_or_zero(at_least_float32(text_RD), candidate_rows(caption_B, rows_BN));
  const auto image_BD1 = at_least_float32(image_BD).unsqueeze(2);
  return at_least_float32(scale) * torch::bmm(candidates_BKD, image_BD1).squeeze(2);
}

torch::Tensor scores_to_logits(const torch::Tensor& scores_R, const torch::Tensor& caption_B, const torch::Tensor& rows_BN) {
  return gather_or_zero(scores_R, candidate_rows(caption_B, rows_BN));
}

SumAndCount hard_negative_loss(const torch::Tensor& logits_BK, const torch::Tensor& valid_BN, const Calibration& calibration,
                               MissingNegatives missing) {
  TORCH_CHECK(logits_BK.dim() == 2 && valid_BN.dim() == 2 && logits_BK.size(0) == valid_BN.size(0) &&
                  logits_BK.size(1) == 1 + valid_BN.size(1) && valid_BN.scalar_type() == torch::kBool,
              "hard_negative_loss: logits ", logits_BK.sizes(), " have to be [B,1+N] and valid ", valid_BN.sizes(),
              " bool [B,N]");
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

}  // namespace fsc
