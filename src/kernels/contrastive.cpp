// Entries of the losses over a batch of pairs: checks, and the fused forms as autograd functions.
#include "fsc/kernels/contrastive.h"

#include <ATen/Context.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <optional>

#include "kernels/detail_backends.h"
#include "kernels/detail_column_ring.h"
#include "kernels/detail_float32.h"
#include "kernels/detail_pair_losses.h"

namespace fsc {
namespace {

using detail::Tensors;
using torch::autograd::AutogradContext;
using Maybe = std::optional<torch::Tensor>;  // an argument of an autograd function that may be undefined

/// Four products and no memory against three and the pairs in memory several times: it pays where these are 64 MB and more.
constexpr int64_t kPairsFromWhereItPays = int64_t{1} << 24;

void check_rows(const char* loss, const torch::Tensor& image_BD, const torch::Tensor& text_BD, const WorldColumns& columns) {
  TORCH_CHECK(image_BD.dim() == 2 && image_BD.sizes() == text_BD.sizes(), loss, ": images ", image_BD.sizes(), " and texts ",
              text_BD.sizes(), " have to be [B,D] alike");
  const auto last = columns.offset + image_BD.size(0);
  for (const torch::Tensor* world : {&columns.image_WD, &columns.text_WD})
    TORCH_CHECK(!world->defined() || (world->dim() == 2 && world->size(1) == image_BD.size(1) && world->size(0) >= last), loss,
                ": columns of shape ", world->sizes(), " do not hold the rows from ", columns.offset, " to ", last);
  TORCH_CHECK(columns.image_WD.defined() == columns.text_WD.defined(), loss, ": columns of images and of texts go together");
  TORCH_CHECK(columns.text_WD.defined() || columns.offset == 0, loss, ": an offset without columns");
  if (!columns.ring) return;
  const ColumnRing& ring = *columns.ring;
  TORCH_CHECK(!columns.text_WD.defined(), loss, ": columns side by side and by a ring");
  TORCH_CHECK(ring.place < ring.rows.size() && ring.rows[ring.place] == image_BD.size(0), loss, ": a ring of ",
              torch::IntArrayRef(ring.rows), " rows has not the ", image_BD.size(0), " of process ", ring.place);
}

torch::Tensor contiguous(const torch::Tensor& x) { return x.defined() ? x.contiguous() : x; }

torch::Tensor times(double share, const torch::Tensor& loss) { return share == 1 ? loss : share * loss; }

torch::Tensor float32_scalar(const torch::Tensor& x) { return x.to(torch::kFloat32).reshape({}); }

/// Saved are the inputs as they came and two numbers a row.
struct ContrastiveFunction : torch::autograd::Function<ContrastiveFunction> {
  static detail::ContrastiveInputs inputs_of(const Tensors& saved, int64_t offset) {
    return {contiguous(saved[0]),
            contiguous(saved[1]),
            contiguous(saved[2]),
            contiguous(saved[3]),
            contiguous(saved[4]),
            contiguous(saved[5]),
            offset,
            saved[6]};
  }

  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& image_BD, const torch::Tensor& text_BD,
                               const Maybe& image_WD, const Maybe& text_WD, const Maybe& extra_ED, const Maybe& extra_valid_E,
                               const torch::Tensor& scale, int64_t offset) {
    Tensors saved{image_BD, text_BD, *image_WD, *text_WD, *extra_ED, *extra_valid_E, scale};
    const auto in = inputs_of(saved, offset);
    const auto out = image_BD.is_cuda() ? detail::contrastive_forward_cuda(in) : detail::contrastive_forward_cpu(in);
    saved.push_back(out.image_lse_B);
    saved.push_back(out.text_lse_B);
    context->save_for_backward(std::move(saved));
    context->saved_data["offset"] = offset;
    return out.loss;
  }

  static Tensors backward(AutogradContext* context, const Tensors& gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "contrastive_loss has no second derivative; train.kernels: reference has one");
    const auto saved = context->get_saved_variables();
    const auto in = inputs_of(saved, context->saved_data["offset"].toInt());
    const detail::ContrastiveForward out{{}, saved[7], saved[8]};
    const auto g = in.image_BD.is_cuda() ? detail::contrastive_backward_cuda(in, out, gradients[0])
                                         : detail::contrastive_backward_cpu(in, out, gradients[0]);
    return {g.image_BD, g.text_BD, g.image_WD, g.text_WD, g.extra_ED, {}, g.scale, {}};
  }
};

struct SigmoidFunction : torch::autograd::Function<SigmoidFunction> {
  static detail::SigmoidInputs inputs_of(const Tensors& saved, int64_t offset) {
    return {contiguous(saved[0]), contiguous(saved[1]), offset, saved[2], saved[3]};
  }

  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& image_BD, const torch::Tensor& text_WD,
                               const torch::Tensor& scale, const torch::Tensor& bias, int64_t offset) {
    const Tensors saved{image_BD, text_WD, scale, bias};
    context->save_for_backward(saved);
    context->saved_data["offset"] = offset;
    const auto in = inputs_of(saved, offset);
    return image_BD.is_cuda() ? detail::sigmoid_forward_cuda(in) : detail::sigmoid_forward_cpu(in);
  }

  static Tensors backward(AutogradContext* context, const Tensors& gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "sigmoid_loss has no second derivative; train.kernels: reference has one");
    const auto in = inputs_of(context->get_saved_variables(), context->saved_data["offset"].toInt());
    const auto g =
        in.image_BD.is_cuda() ? detail::sigmoid_backward_cuda(in, gradients[0]) : detail::sigmoid_backward_cpu(in, gradients[0]);
    return {g.image_BD, g.text_WD, g.scale, g.bias, {}};
  }
};

}  // namespace

/// Tolerance: two roundings of the cosines, times a scale of 100, in every exp(); those of TF32 where both forms take it.
detail::KernelOperation detail::pair_operation(const char* name, const torch::Tensor& image_BD, int64_t columns) {
  const bool tf32 = image_BD.is_cuda() && at::globalContext().allowTF32CuBLAS();
  return {.name = name, .tolerance = tf32 ? 1e-2 : 1e-4, .pays = image_BD.size(0) * columns >= kPairsFromWhereItPays};
}

void detail::unify(Tensors& features) {
  const auto differs = [&](const torch::Tensor& x) { return x.defined() && x.scalar_type() != features[0].scalar_type(); };
  if (std::none_of(features.begin(), features.end(), differs)) return;
  for (auto& x : features)
    if (x.defined()) x = detail::at_least_float32(x);
}

torch::Tensor detail::sigmoid_of_columns(const torch::Tensor& image_BD, const torch::Tensor& text_CD, const torch::Tensor& scale,
                                         const torch::Tensor& bias, int64_t offset) {
  const auto fused = [&](const Tensors& x) -> Tensors {
    Tensors features(x.begin(), x.begin() + 2);
    unify(features);
    return {SigmoidFunction::apply(features[0], features[1], float32_scalar(x[2]), float32_scalar(x[3]), offset)};
  };
  const auto reference = [&](const Tensors& x) -> Tensors { return {sigmoid_reference(x[0], x[1], x[2], x[3], offset)}; };
  return run_kernel(pair_operation("sigmoid", image_BD, text_CD.size(0)), {image_BD, text_CD, scale, bias}, fused, reference)[0];
}

torch::Tensor contrastive_loss(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                               const WorldColumns& columns, MissingNegatives missing) {
  check_rows("contrastive_loss", image_BD, text_BD, columns);
  const bool extra = columns.extra_ED.defined() && columns.extra_ED.size(0) > 0;
  const int64_t own = columns.text_WD.defined() ? columns.text_WD.size(0) : image_BD.size(0);
  const bool masked = extra && missing == MissingNegatives::kMasked;
  TORCH_CHECK(!masked || columns.extra_valid_E.defined(), "contrastive_loss: masked negatives need extra_valid_E");
  if (columns.ring)
    return times(columns.share,
                 detail::contrastive_by_ring(image_BD, text_BD, extra ? columns.extra_ED : torch::Tensor(),
                                             masked ? columns.extra_valid_E : torch::Tensor(), scale, columns.ring));
  const Tensors inputs{image_BD, text_BD, columns.image_WD, columns.text_WD, extra ? columns.extra_ED : torch::Tensor(), scale};
  const auto fused = [&](const Tensors& x) -> Tensors {
    Tensors features(x.begin(), x.begin() + 5);
    detail::unify(features);
    return {ContrastiveFunction::apply(features[0], features[1], Maybe(features[2]), Maybe(features[3]), Maybe(features[4]),
                                       Maybe(masked ? columns.extra_valid_E : torch::Tensor()), float32_scalar(x[5]),
                                       columns.offset)};
  };
  const auto reference = [&](const Tensors& x) -> Tensors {
    const WorldColumns given{x[2], x[3], x[4], columns.extra_valid_E, columns.offset};
    return {detail::contrastive_reference(x[0], x[1], x[5], given, missing)};
  };
  const auto operation = detail::pair_operation("contrastive", image_BD, own + (extra ? columns.extra_ED.size(0) : 0));
  return times(columns.share, detail::run_kernel(operation, inputs, fused, reference)[0]);
}

torch::Tensor sigmoid_loss(const torch::Tensor& image_BD, const torch::Tensor& text_BD, const torch::Tensor& scale,
                           const torch::Tensor& bias, const WorldColumns& columns) {
  check_rows("sigmoid_loss", image_BD, text_BD, columns);
  TORCH_CHECK(bias.defined(), "sigmoid_loss: the model has no logit_bias");
  if (columns.ring) return detail::sigmoid_by_ring(image_BD, text_BD, scale, bias, *columns.ring, columns.share);
  const auto& text_WD = columns.text_WD.defined() ? columns.text_WD : text_BD;
  return times(columns.share, detail::sigmoid_of_columns(image_BD, text_WD, scale, bias, columns.offset));
}

}  // namespace fsc
