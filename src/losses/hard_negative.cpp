// (1+N)-way logits of an image: its caption against its negatives.
#include "fsc/losses/losses.h"
#include "fsc/tensor/autocast.h"
#include "losses/detail_gather.h"

namespace fsc {
using detail::candidate_rows;
using detail::gather_or_zero;

torch::Tensor global_hn_logits(const torch::Tensor& image_BD, const torch::Tensor& text_RD, const torch::Tensor& caption_B,
                               const torch::Tensor& rows_BN, const torch::Tensor& scale) {
  const NoAutocast guard;
  const auto type = c10::promoteTypes(image_BD.scalar_type(), torch::kFloat32);  // bf16 would round the logits
  const auto candidates_BKD = gather_or_zero(text_RD.to(type), candidate_rows(caption_B, rows_BN));
  const auto image_BD1 = image_BD.to(type).unsqueeze(2);
  return scale.to(type) * torch::bmm(candidates_BKD, image_BD1).squeeze(2);
}

torch::Tensor scores_to_logits(const torch::Tensor& scores_R, const torch::Tensor& caption_B, const torch::Tensor& rows_BN) {
  return gather_or_zero(scores_R, candidate_rows(caption_B, rows_BN));
}

}  // namespace fsc
