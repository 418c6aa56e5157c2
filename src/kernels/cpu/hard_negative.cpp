// The (1+N)-way loss on the CPU: one pass over the logits for the sum, one for the gradient.
#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "kernels/cpu/detail_hard_negative.h"
#include "kernels/cpu/detail_instruction_set.h"
#include "kernels/detail_backends.h"

namespace fsc::detail {
namespace {

constexpr int64_t kRowsATask = 4096;  // to wake a thread takes as long as some thousand rows

const HardNegativeLoops& hard_negative_loops() {
  static constexpr const HardNegativeLoops* kSets[] = {&kHardNegativePortable, &kHardNegativeAvx2, &kHardNegativeAvx512,
                                                       &kHardNegativeAvx512};
  return chosen(kSets);
}

/// Calls f(task, its first row, its rows), the same tasks whatever the number of threads.
template <class F>
void for_each_task(const HardNegativeInputs& in, const F& f) {
  const int64_t rows = in.logits_BK.size(0), classes = in.logits_BK.size(1);
  const auto* logits = in.logits_BK.data_ptr<float>();
  const auto* valid = in.valid_BN.data_ptr<bool>();
  at::parallel_for(0, (rows + kRowsATask - 1) / kRowsATask, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(hard_negative_scratch(static_cast<size_t>(classes)));
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task * kRowsATask;
      f(task, first,
        HardNegativeRows{.logits = logits + first * classes,
                         .valid = valid + first * (classes - 1),
                         .rows = static_cast<size_t>(std::min(kRowsATask, rows - first)),
                         .classes = static_cast<size_t>(classes),
                         .gamma = static_cast<float>(in.calibration.focal_gamma),
                         .smoothing = static_cast<float>(in.calibration.label_smoothing),
                         .masked = in.masked,
                         .scratch = scratch.data()});
    }
  });
}

}  // namespace

SumAndCount hard_negative_forward_cpu(const HardNegativeInputs& in) {
  std::vector<HardNegativeSum> sums(static_cast<size_t>((in.logits_BK.size(0) + kRowsATask - 1) / kRowsATask));
  for_each_task(in, [&](int64_t task, int64_t, const HardNegativeRows& rows) {
    sums[static_cast<size_t>(task)] = hard_negative_loops().add(rows);
  });
  HardNegativeSum all;
  for (const auto& sum : sums) all = {all.sum + sum.sum, all.count + sum.count};
  return {torch::scalar_tensor(all.sum, torch::kFloat32), torch::scalar_tensor(static_cast<int64_t>(all.count), torch::kInt64)};
}

torch::Tensor hard_negative_backward_cpu(const HardNegativeInputs& in, const torch::Tensor& gradient) {
  auto slopes_BK = torch::empty(in.logits_BK.sizes(), in.logits_BK.options().requires_grad(false));
  const float weight = gradient.item<float>();
  auto* slopes = slopes_BK.data_ptr<float>();
  for_each_task(in, [&](int64_t, int64_t first, const HardNegativeRows& rows) {
    hard_negative_loops().differentiate(rows, weight, slopes + first * in.logits_BK.size(1));
  });
  return slopes_BK;
}

}  // namespace fsc::detail
