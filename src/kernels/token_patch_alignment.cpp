// The token-patch alignment for those who call it: checks, the choice of its form, and its gradient for autograd.
#include "fsc/kernels/token_patch_alignment.h"

#include <torch/csrc/autograd/custom_function.h>

#include "fsc/tensor/autocast.h"
#include "kernels/detail_alignment_reference.h"
#include "kernels/detail_backends.h"
#include "kernels/detail_dispatch.h"

namespace fsc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// A similarity that rounding moves over 1/P takes or gives a whole weight of that size.
constexpr double kTolerance = 1e-4, kSparseTolerance = 1e-2;

struct AlignmentFunction : torch::autograd::Function<AlignmentFunction> {
  static detail::AlignmentInputs inputs_of(const variable_list& tensors, SimilarityNormalizer normalizer, bool sparsify) {
    return {.patches_BPD = tensors[0],
            .tokens_VD = tensors[1],
            .offsets_R1 = tensors[2],
            .owner_R = tensors[3],
            .scale = tensors[4],
            .normalizer = normalizer,
            .sparsify = sparsify};
  }

  static Variable forward(AutogradContext* context, const Variable& patches_BPD, const Variable& tokens_VD,
                          const Variable& offsets_R1, const Variable& owner_R, const Variable& scale, int64_t normalizer,
                          bool sparsify) {
    const at::AutoDispatchBelowADInplaceOrView below;
    const auto in =
        inputs_of({patches_BPD, tokens_VD, offsets_R1, owner_R, scale}, static_cast<SimilarityNormalizer>(normalizer), sparsify);
    const auto out = patches_BPD.is_cuda() ? detail::alignment_forward_cuda(in) : detail::alignment_forward_cpu(in);
    context->save_for_backward({patches_BPD, tokens_VD, offsets_R1, owner_R, scale, out.score_R, out.kept_VK});
    context->saved_data["normalizer"] = normalizer;
    context->saved_data["sparsify"] = sparsify;
    return out.score_R;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!torch::GradMode::is_enabled(), "alignment_scores: the fused form has no second derivative");
    const auto saved = context->get_saved_variables();
    const auto in = inputs_of(saved, static_cast<SimilarityNormalizer>(context->saved_data["normalizer"].toInt()),
                              context->saved_data["sparsify"].toBool());
    const detail::AlignmentForward out{.score_R = saved[5], .kept_VK = saved[6]};
    const auto result = in.patches_BPD.is_cuda() ? detail::alignment_backward_cuda(in, out, gradients[0])
                                                 : detail::alignment_backward_cpu(in, out, gradients[0]);
    return {result.patches_BPD, result.tokens_VD, {}, {}, result.scale, {}, {}};
  }
};

void check(const torch::Tensor& patches_BPD, const torch::Tensor& tokens_VD, const torch::Tensor& offsets_R1,
           const torch::Tensor& owner_R, const torch::Tensor& scale) {
  TORCH_CHECK(patches_BPD.dim() == 3 && tokens_VD.dim() == 2 && patches_BPD.size(2) == tokens_VD.size(1),
              "alignment_scores: patches ", patches_BPD.sizes(), " have to be [B,P,D] and tokens ", tokens_VD.sizes(), " [V,D]");
  TORCH_CHECK(patches_BPD.size(1) > 0 && patches_BPD.size(2) > 0, "alignment_scores: patches ", patches_BPD.sizes());
  TORCH_CHECK(offsets_R1.dim() == 1 && owner_R.dim() == 1 && offsets_R1.size(0) == owner_R.size(0) + 1,
              "alignment_scores: offsets ", offsets_R1.sizes(), " have to be one more than owners ", owner_R.sizes());
  TORCH_CHECK(offsets_R1.scalar_type() == torch::kInt64 && owner_R.scalar_type() == torch::kInt64,
              "alignment_scores: offsets and owners have to be int64");
  TORCH_CHECK(scale.dim() == 0, "alignment_scores: scale ", scale.sizes(), " has to be a single number");
}

}  // namespace

torch::Tensor alignment_scores(const torch::Tensor& patches_BPD, const torch::Tensor& tokens_VD, const torch::Tensor& offsets_R1,
                               const torch::Tensor& owner_R, const torch::Tensor& scale, SimilarityNormalizer normalizer,
                               bool sparsify) {
  check(patches_BPD, tokens_VD, offsets_R1, owner_R, scale);
  const NoAutocast guard;
  const auto type = torch::promote_types(patches_BPD.scalar_type(), tokens_VD.scalar_type());
  const auto fused = [&](const detail::Tensors& x) {
    return detail::Tensors{AlignmentFunction::apply(x[0].contiguous(), x[1].contiguous(), offsets_R1.contiguous(),
                                                    owner_R.contiguous(), x[2].to(torch::kFloat32),
                                                    static_cast<int64_t>(normalizer), sparsify)};
  };
  const auto reference = [&](const detail::Tensors& x) {
    return detail::Tensors{detail::alignment_scores_reference(x[0], x[1], offsets_R1, owner_R, x[2], normalizer, sparsify)};
  };
  const detail::KernelOperation operation{"token_patch_alignment", sparsify ? kSparseTolerance : kTolerance};
  const detail::Tensors inputs{patches_BPD.to(type), tokens_VD.to(type), scale};
  if (patches_BPD.is_cuda() && patches_BPD.size(1) > detail::kMostAlignmentPatchesCuda) return reference(inputs)[0];
  return detail::run_kernel(operation, inputs, fused, reference)[0];
}

}  // namespace fsc
