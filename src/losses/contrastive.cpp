// The losses over a batch of pairs: symmetric InfoNCE, with NegCLIP's extra columns of negatives, and SigLIP's sigmoid loss.
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log_sigmoid.h>

#include "fsc/losses/losses.h"
#include "losses/detail_float32.h"

namespace fsc {
namespace {
using detail::at_least_float32;
using detail::kMinusInfinity;

void check_rows(const char* loss, const torch::Tensor& image_BD, const torch::Tensor& text_BD, const WorldColumns& columns) {
  TORCH_CHECK(image_BD.dim() == 2 && image_BD.sizes() == text_BD.sizes(), loss, ": images ", image_BD.sizes(), " and texts ",
              text_BD.sizes(), " have to be [B,D] alike");
  const auto last = columns.offset + image_BD.size(0);
  for (const torch::Tensor* world : {&columns.image_WD, &columns.text_WD})
    TORCH_CHECK(!world->defined() || (world->dim() == 2 && world->size(1) == image_BD.size(1) && world->size(0) >= last), loss,
                ": columns of shape ", world->sizes(), " do not hold the rows from ", columns.offset, " to ", last);
  TORCH_CHECK(columns.image_WD.defined() == columns.text_WD.defined(), loss, ": columns of images and of texts go together");
  TORCH_CHECK(columns.text_WD.defined() || columns.offset == 0, loss, ": an offset without columns");
}

}  // namespace

torch::Tensor contrastive_loss(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                               const WorldColumns& columns, MissingNegatives missing) {
  check_rows("contrastive_loss", image_BD, text_BD, columns);
  const NoAutocast guard;
  const auto images = at_least_float32(image_BD), texts = at_least_float32(text_BD), s = at_least_float32(scale);

  // Text -> image is left alone by the negatives; image -> text gets one more column for each. Where the rows are the world, both
  // directions share one product.
  const bool alone = !columns.text_WD.defined();
  const auto image_to_text_BW = s * images.matmul(alone ? texts.t() : at_least_float32(columns.text_WD).t());
  auto image_to_all = image_to_text_BW;
  if (columns.extra_ED.defined() && columns.extra_ED.size(0) > 0) {
    auto extra_BE = s * images.matmul(at_least_float32(columns.extra_ED).t());  // a missing negative is a zero row: logit 0
    if (missing == MissingNegatives::kMasked) {
      TORCH_CHECK(columns.extra_valid_E.defined(), "contrastive_loss: masked negatives need extra_valid_E");
      extra_BE = extra_BE.masked_fill(columns.extra_valid_E.logical_not().unsqueeze(0), kMinusInfinity);
    }
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

torch::Tensor sigmoid_loss(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                           const torch::Tensor& bias, const WorldColumns& columns) {
  check_rows("sigmoid_loss", image_BD, text_BD, columns);
  TORCH_CHECK(bias.defined(), "sigmoid_loss: the model has no logit_bias");
  const NoAutocast guard;
  const auto images = at_least_float32(image_BD);
  const auto texts_WD = at_least_float32(columns.text_WD.defined() ? columns.text_WD : text_BD);
  const auto logits_BW = at_least_float32(scale) * images.matmul(texts_WD.t()) + at_least_float32(bias);
  const auto own_WW = torch::eye(texts_WD.size(0), logits_BW.options());
  const auto signs_BW = 2 * own_WW.narrow(0, columns.offset, images.size(0)) - 1;
  return -at::log_sigmoid(signs_BW * logits_BW).sum() / images.size(0);
}

}  // namespace fsc
