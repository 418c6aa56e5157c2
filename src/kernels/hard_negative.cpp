// Entry of the (1+N)-way loss: checks, and the fused form as an autograd function.
#include "fsc/kernels/hard_negative.h"

#include <torch/csrc/autograd/custom_function.h>

#include "kernels/detail_backends.h"
#include "kernels/detail_dispatch.h"
#include "kernels/detail_float32.h"
#include "kernels/detail_pair_losses.h"

namespace fsc {
namespace {

constexpr detail::KernelOperation kHardNegative{.name = "hard_negative", .tolerance = 1e-5};

/// Saved are the inputs.
struct HardNegativeFunction : torch::autograd::Function<HardNegativeFunction> {
  static detail::Tensors forward(torch::autograd::AutogradContext* context, const torch::Tensor& logits_BK,
                                 const torch::Tensor& valid_BN, double gamma, double smoothing, bool masked) {
    context->save_for_backward({logits_BK, valid_BN});
    context->saved_data["gamma"] = gamma;
    context->saved_data["smoothing"] = smoothing;
    context->saved_data["masked"] = masked;
    const auto in = inputs_of(*context, {logits_BK, valid_BN});
    const auto [sum, count] =
        logits_BK.is_cuda() ? detail::hard_negative_forward_cuda(in) : detail::hard_negative_forward_cpu(in);
    context->mark_non_differentiable({count});
    return {sum, count};
  }

  static detail::Tensors backward(torch::autograd::AutogradContext* context, const detail::Tensors& gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "hard_negative_loss has no second derivative; train.kernels: reference has one");
    const auto in = inputs_of(*context, context->get_saved_variables());
    return {in.logits_BK.is_cuda() ? detail::hard_negative_backward_cuda(in, gradients[0])
                                   : detail::hard_negative_backward_cpu(in, gradients[0]),
            {},
            {},
            {},
            {}};
  }

 private:
  static detail::HardNegativeInputs inputs_of(torch::autograd::AutogradContext& context, const detail::Tensors& saved) {
    return {saved[0].contiguous(),
            saved[1].contiguous(),
            {context.saved_data["gamma"].toDouble(), context.saved_data["smoothing"].toDouble()},
            context.saved_data["masked"].toBool()};
  }
};

}  // namespace

SumAndCount hard_negative_loss(const torch::Tensor& logits_BK, const torch::Tensor& valid_BN, const Calibration& calibration,
                               MissingNegatives missing) {
  TORCH_CHECK(logits_BK.dim() == 2 && valid_BN.dim() == 2 && logits_BK.size(0) == valid_BN.size(0) &&
                  logits_BK.size(1) == 1 + valid_BN.size(1) && valid_BN.scalar_type() == torch::kBool,
              "hard_negative_loss: logits ", logits_BK.sizes(), " have to be [B,1+N] and valid ", valid_BN.sizes(),
              " bool [B,N]");
  const auto fused = [&](const detail::Tensors& x) {
    return HardNegativeFunction::apply(detail::at_least_float32(x[0]), valid_BN, calibration.focal_gamma,
                                       calibration.label_smoothing, missing == MissingNegatives::kMasked);
  };
  const auto reference = [&](const detail::Tensors& x) -> detail::Tensors {
    const auto [sum, count] = detail::hard_negative_reference(x[0], valid_BN, calibration, missing);
    return {sum, count};
  };
  const auto outputs = detail::run_kernel(kHardNegative, {logits_BK}, fused, reference);
  return {outputs[0], outputs[1]};
}

}  // namespace fsc
