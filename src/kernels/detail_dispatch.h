// What every entry function of this folder goes through: fused or reference, and both while a VerifyKernels lives.
#pragma once
#include <torch/types.h>

#include <functional>
#include <vector>

namespace fsc::detail {

using Tensors = std::vector<torch::Tensor>;
/// One form of an operation: the same inputs in the same order -> the same outputs. Everything else is captured.
using KernelForm = std::function<Tensors(const Tensors& inputs)>;

struct KernelOperation {
  const char* name;  ///< "token_patch_alignment"
  /// Largest difference to the reference that is rounding, float32 (see KernelDifference). Outputs and gradients of bf16 and fp16
  /// may differ by one more unit of theirs.
  double tolerance;
  bool pays = true;  ///< at this size; else it is used with Kernels::kFusedAlways only
};

/// Whether there can be a fused form for a tensor: float32 and bf16 on the CPU, these and fp16 on CUDA.
bool has_fused_form(const torch::Tensor& tensor);

/// The outputs by `fused` where it is chosen (Kernels), has_fused_form(inputs[0]) holds and the operation has not fallen back;
/// else by `reference`. `inputs` are all tensors that may need a gradient, some of them undefined. Both forms have to be
/// differentiable by autograd, and take the inputs as they come (strides, dtypes).
Tensors run_kernel(const KernelOperation& operation, const Tensors& inputs, const KernelForm& fused, const KernelForm& reference);

}  // namespace fsc::detail
