// The hard-negative loss on CUDA: tensors in, launches of hard_negative.cuh.
#include "kernels/cuda/hard_negative.cuh"

#include "kernels/cuda/detail_launch.cuh"
#include "kernels/detail_backends.h"

namespace fsc::detail {
namespace {

HardNegativeRows hard_negative_rows(const HardNegativeInputs& in) {
  return {elements<float>(in.logits_BK),
          elements<bool>(in.valid_BN),
          rows_of(in.logits_BK),
          count_of(in.logits_BK.size(1)),
          static_cast<float>(in.calibration.focal_gamma),
          static_cast<float>(in.calibration.label_smoothing),
          in.masked};
}

}  // namespace

SumAndCount hard_negative_forward_cuda(const HardNegativeInputs& in) {
  const OnDeviceOf device(in.logits_BK);
  const auto options = in.logits_BK.options();
  SumAndCount out{at::empty({}, options), at::empty({}, options.dtype(torch::kInt64))};
  StreamRunner run(in.logits_BK.device());
  run_hard_negative_forward(run, hard_negative_rows(in), elements<float>(out.sum), elements<int64_t>(out.count));
  return out;
}

torch::Tensor hard_negative_backward_cuda(const HardNegativeInputs& in, const torch::Tensor& gradient) {
  const OnDeviceOf device(in.logits_BK);
  auto logits_gradient = room_like(in.logits_BK);
  StreamRunner run(in.logits_BK.device());
  run_hard_negative_backward(run, hard_negative_rows(in), elements<float>(gradient), elements<float>(logits_gradient));
  return logits_gradient;
}

}  // namespace fsc::detail
