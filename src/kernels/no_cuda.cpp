// What a build without CUDA has in the place of its kernels: an error.
#include "kernels/detail_backends.h"

namespace fsc::detail {
namespace {

[[noreturn]] void built_without_cuda(const char* operation) {
  TORCH_CHECK(false, operation, ": fsc was built without CUDA (FSC_CUDA=OFF), its tensors have to be on the CPU");
  std::abort();  // TORCH_CHECK does not say that it never returns
}

}  // namespace

AlignmentForward alignment_forward_cuda(const AlignmentInputs&) { built_without_cuda("alignment_scores"); }
AlignmentGradients alignment_backward_cuda(const AlignmentInputs&, const AlignmentForward&, const torch::Tensor&) {
  built_without_cuda("alignment_scores");
}

ContrastiveForward contrastive_forward_cuda(const ContrastiveInputs&) { built_without_cuda("contrastive_loss"); }
ContrastiveGradients contrastive_backward_cuda(const ContrastiveInputs&, const ContrastiveForward&, const torch::Tensor&) {
  built_without_cuda("contrastive_loss");
}

torch::Tensor sigmoid_forward_cuda(const SigmoidInputs&) { built_without_cuda("sigmoid_loss"); }
SigmoidGradients sigmoid_backward_cuda(const SigmoidInputs&, const torch::Tensor&) { built_without_cuda("sigmoid_loss"); }

SumAndCount hard_negative_forward_cuda(const HardNegativeInputs&) { built_without_cuda("hard_negative_loss"); }
torch::Tensor hard_negative_backward_cuda(const HardNegativeInputs&, const torch::Tensor&) {
  built_without_cuda("hard_negative_loss");
}

}  // namespace fsc::detail
