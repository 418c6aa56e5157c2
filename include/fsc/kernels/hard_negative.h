// (1+N)-way loss of an image's caption against its negatives, with selective calibrated regularisation (paper section 3.3).
//
//   loss_i = - sum_c y_c (1 - p_c)^gamma log p_c,   y_0 = 1 - beta + beta / n,  y_c = beta / n,  n = 1 + valid negatives
//
// Fused: softmax, focal weight, smoothing, mask and the sums in one pass over [B, K], and one for the gradient.
// Shape suffixes: B images, N negatives a caption, K = 1 + N classes.
#pragma once
#include <torch/types.h>

namespace fsc {

/// loss.missing_negatives: what stands in the softmax for a negative that does not exist.
enum class MissingNegatives {
  kReference,  ///< logit 0, it stays in the denominator: what the published numbers used
  kMasked,     ///< minus infinity: it is not there
};

/// Selective calibrated regularisation (paper section 3.3): focal exponent and label smoothing.
struct Calibration {
  double focal_gamma = 2.0;
  double label_smoothing = 0.02;
};

/// A mean that is not divided yet, so that several processes may add theirs.
struct SumAndCount {
  torch::Tensor sum;    ///< 0-d, with graph
  torch::Tensor count;  ///< 0-d int64: rows that count
  /// 0 (with graph) when no row counts.
  torch::Tensor mean() const { return sum / count.clamp_min(1); }
};

/// Column 0 of logits_BK is the truth; the sum over rows with a valid negative, and how many those are. valid_BN bool. Serves
/// global and local scores.
SumAndCount hard_negative_loss(const torch::Tensor& logits_BK, const torch::Tensor& valid_BN, const Calibration& calibration,
                               MissingNegatives missing = MissingNegatives::kReference);

}  // namespace fsc
