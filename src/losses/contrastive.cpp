// The losses over a batch of pairs: symmetric InfoNCE, with NegCLIP's extra columns of negatives, and SigLIP's sigmoid loss.
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log_sigmoid.h>

#include "detail_float32.h"
#include "fsc/losses/losses.h"

namespace fsc {

torch::Tensor contrastive_loss(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& extra_ED,
                               const torch::Tensor& scale, MissingNegatives missing, const torch::Tensor& extra_valid_E) {
  TORCH_CHECK(image_BD.dim() == 2 && image_BD.sizes() == text_BD.sizes(), "contrastive_loss: images ", image_BD.sizes(),
              " and texts ", text_BD.sizes(), " have to be [B,D] alike");
  const NoAutocast guard;
  const auto images = at_least_float32(image_BD), texts = at_least_float32(text_BD), s = at_least_float32(scale);

  // Text -> image is left alone by the negatives; image -> text gets one more column for each.
  const auto image_to_text_BB = s * images.matmul(texts.t());
  auto image_to_all = image_to_text_BB;
  if (extra_ED.defined() && extra_ED.size(0) > 0) {
    auto extra_BE = s * images.matmul(at_least_float32(extra_ED).t());  // a missing negative is a zero row: logit 0
    if (missing == MissingNegatives::kMasked) {
      TORCH_CHECK(extra_valid_E.defined(), "contrastive_loss: masked negatives need extra_valid_E");
      extra_BE = extra_BE.masked_fill(extra_valid_E.logical_not().unsqueeze(0), kMinusInfinity);
    }
    image_to_all = torch::cat({image_to_text_BB, extra_BE}, 1);
  }
  const auto labels_B = torch::arange(images.size(0), torch::dtype(torch::kInt64).device(images.device()));
  return 0.5 * (at::cross_entropy_loss(image_to_all, labels_B) + at::cross_entropy_loss(image_to_text_BB.t(), labels_B));
}

torch::Tensor sigmoid_loss(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                           const torch::Tensor& bias) {
  TORCH_CHECK(image_BD.dim() == 2 && image_BD.sizes() == text_BD.sizes(), "sigmoid_loss: images ", image_BD.sizes(),
              " and texts ", text_BD.sizes(), " have to be [B,D] alike");
  TORCH_CHECK(bias.defined(), "sigmoid_loss: the model has no logit_bias");
  const NoAutocast guard;
  const auto images = at_least_float32(image_BD), texts = at_least_float32(text_BD);
  const auto logits_BB = at_least_float32(scale) * images.matmul(texts.t()) + at_least_float32(bias);
  const auto signs_BB = 2 * torch::eye(images.size(0), logits_BB.options()) - 1;
  return -at::log_sigmoid(signs_BB * logits_BB).sum() / images.size(0);
}

}  // namespace fsc
