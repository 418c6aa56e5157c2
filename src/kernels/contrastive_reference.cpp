// The losses over a batch of pairs as ATen operations, which make [B, W].
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/log_sigmoid.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

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

namespace {

/// Logits of these rows with the columns, those at home where no others are given.
struct BlockLogits {
  torch::Tensor image_to_all, text_to_image;

  /// x: images, texts, columns of images, of texts and extra ones, scale.
  BlockLogits(const std::vector<torch::Tensor>& x, const torch::Tensor& exists_E) {
    image_to_all = x[5] * x[0].matmul((x[3].defined() ? x[3] : x[1]).t());
    text_to_image = x[2].defined() ? x[5] * x[1].matmul(x[2].t()) : image_to_all.t();
    if (!x[4].defined()) return;
    auto extra_BE = x[5] * x[0].matmul(x[4].t());
    if (exists_E.defined()) extra_BE = extra_BE.masked_fill(exists_E.logical_not().unsqueeze(0), kMinusInfinity);
    image_to_all = torch::cat({image_to_all, extra_BE}, 1);
  }
};

std::vector<torch::Tensor> leaves_of(const ContrastiveInputs& in) {
  std::vector<torch::Tensor> leaves{in.image_BD, in.text_BD, in.image_WD, in.text_WD, in.extra_ED, in.scale};
  for (auto& x : leaves)
    if (x.defined()) x = at_least_float32(x.detach()).requires_grad_();
  return leaves;
}

}  // namespace

ContrastiveForward contrastive_sums_reference(const ContrastiveInputs& in) {
  const NoAutocast guard;
  const torch::NoGradGuard no_graph;
  const BlockLogits logits(leaves_of(in), in.extra_valid_E);
  ContrastiveForward out{{}, logits.image_to_all.logsumexp(1), logits.text_to_image.logsumexp(1)};
  if (in.offset != 0) return out;
  const auto labels_B = torch::arange(in.image_BD.size(0), in.image_BD.device());
  out.loss =
      0.5 * (at::cross_entropy_loss(logits.image_to_all, labels_B) + at::cross_entropy_loss(logits.text_to_image, labels_B));
  return out;
}

ContrastiveGradients contrastive_gradients_reference(const ContrastiveInputs& in, const ContrastiveForward& out,
                                                     const torch::Tensor& gradient) {
  const NoAutocast guard;
  const torch::AutoGradMode with_graph(true);
  const auto leaves = leaves_of(in);
  const BlockLogits logits(leaves, in.extra_valid_E);
  // What has the softmaxes for slopes, as their log-sum-exps stand still.
  auto sum = (logits.image_to_all - out.image_lse_B.unsqueeze(1)).exp().sum() +
             (logits.text_to_image - out.text_lse_B.unsqueeze(1)).exp().sum();
  if (in.offset == 0) sum = sum - 2 * leaves[5] * (leaves[0] * leaves[1]).sum();
  std::vector<torch::Tensor> wanted;
  for (const auto& x : leaves)
    if (x.defined()) wanted.push_back(x);
  const auto found = torch::autograd::grad({sum * (0.5 / static_cast<double>(in.image_BD.size(0)))}, wanted, {gradient});
  std::vector<torch::Tensor> all;
  for (size_t i = 0, next = 0; i < leaves.size(); ++i) all.push_back(leaves[i].defined() ? found[next++] : torch::Tensor());
  return {all[0], all[1], all[2], all[3], all[4], all[5]};
}

torch::Tensor sigmoid_reference(const torch::Tensor& image_BD, const torch::Tensor& text_WD, const torch::Tensor& scale,
                                const torch::Tensor& bias, int64_t offset) {
  const NoAutocast guard;
  const auto images = at_least_float32(image_BD), texts = at_least_float32(text_WD);
  const auto logits_BW = at_least_float32(scale) * images.matmul(texts.t()) + at_least_float32(bias);
  const auto numbers = [&](int64_t first, int64_t count) { return torch::arange(first, first + count, images.device()); };
  const auto own_BW = numbers(offset, images.size(0)).unsqueeze(1).eq(numbers(0, texts.size(0)));
  const auto signs_BW = 2 * own_BW.to(logits_BW.scalar_type()) - 1;
  return -at::log_sigmoid(signs_BW * logits_BW).sum() / images.size(0);
}

}  // namespace fsc::detail
