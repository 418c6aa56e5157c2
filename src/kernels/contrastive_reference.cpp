// The losses over a batch of pairs as ATen operations, which make [B, W].
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log_sigmoid.h>

#include "kernels/detail_float32.h"
#include "kernels/detail_pair_losses.h"

namespace fsc::detail {

torch::Tensor contrastive_reference(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                                    const WorldColumns& columns, MissingNegatives missing) {
  const NoAutocast guard;
  const auto images = at_least_float32(image_BD), texts = at_least_float32(text_BD), s = at_least_float32(scale);

  // Text -> image is left alone by the negatives; image -> text gets one more column for each. Where the rows are the world, both
  // directions share one product.
  const bool alone = !columns.text_WD.defined();
  const auto image_to_text_BW = s * images.matmul(alone ? texts.t() : at_least_float32(columns.text_WD).t());
  auto image_to_all = image_to_text_BW;
  if (columns.extra_ED.defined() && columns.extra_ED.size(0) > 0) {
    auto extra_BE = s * images.matmul(at_least_float32(columns.extra_ED).t());  // a missing negative is a zero row: logit 0
    if (missing == MissingNegatives::kMasked)
      extra_BE = extra_BE.masked_fill(columns.extra_valid_E.logical_not().unsqueeze(0), kMinusInfinity);
    image_to_all = torch::cat({image_to_text_BW, extra_BE}, 1);
  }
  const auto labels_B =
      torch::arange(columns.offset, columns.offset + images.size(0), torch::dtype(torch::kInt64).device(images.device()));
  // Made where it is used: the order of the graph's nodes is that in which gradients are added, and so their last bits.
  const auto text_to_image_BW = [&] {
    return alone ? image_to_text_BW.t() : s * texts.matmul(at_least_float32(columns.image_WD).t());
  };
  return 0.5 * (at::cross_entropy_loss(image_to_all, labels_B) + at::cross_entropy_loss(text_to_image_BW(), labels_B));
}

torch::Tensor sigmoid_reference(const torch::Tensor& image_BD, const torch::Tensor& text_WD, const torch::Tensor& scale,
                                const torch::Tensor& bias, int64_t offset) {
  const NoAutocast guard;
  const auto images = at_least_float32(image_BD), texts = at_least_float32(text_WD);
  const auto logits_BW = at_least_float32(scale) * images.matmul(texts.t()) + at_least_float32(bias);
  const auto own_WW = torch::eye(texts.size(0), logits_BW.options());
  const auto signs_BW = 2 * own_WW.narrow(0, offset, images.size(0)) - 1;
  return -at::log_sigmoid(signs_BW * logits_BW).sum() / images.size(0);
}

}  // namespace fsc::detail
