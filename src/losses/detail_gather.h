// What the terms share: rows of texts by index, where -1 stands for "no such text" and gives zeros, and the mean over a batch.
#pragma once
#include "fsc/losses/objective.h"

namespace fsc::detail {

/// values_R [R] or values_RD [R,D], rows int64 of any shape with entries in [-1,R) -> rows' shape (+ [D]), zeros for -1.
inline torch::Tensor gather_or_zero(const torch::Tensor& values, const torch::Tensor& rows) {
  auto shape = rows.sizes().vec();
  if (values.dim() == 2) shape.push_back(values.size(1));
  const auto missing = values.dim() == 2 ? rows.lt(0).unsqueeze(-1) : rows.lt(0);
  return values.index_select(0, rows.clamp_min(0).flatten()).view(shape).masked_fill(missing, 0);
}

/// The caption's row in front of the negatives': [B], [B,N] -> [B,1+N].
inline torch::Tensor candidate_rows(const torch::Tensor& caption_B, const torch::Tensor& rows_BN) {
  return torch::cat({caption_B.unsqueeze(1), rows_BN}, 1);
}

/// The mean over the rows with a negative, of all processes where there are several (Features::rows_with_negatives).
inline torch::Tensor mean_of(const SumAndCount& loss, const Features& features) {
  return features.rows_with_negatives.defined() ? loss.sum / features.rows_with_negatives : loss.mean();
}

}  // namespace fsc::detail
