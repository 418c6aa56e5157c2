// train.verify_kernels: steps whose fused kernels are held against their references.
#pragma once
#include <functional>
#include <vector>

#include "fsc/kernels/kernels.h"
#include "fsc/train/trainer.h"

namespace fsc::detail {

class KernelCheck {
 public:
  /// Verifies the first step that it sees and every step whose number is a multiple of `every` (0 = none).
  explicit KernelCheck(int64_t every) : every_(every) {}

  /// What `work` gives, which is step number `step` (from 1); where that is verified, the log gets what was found.
  StepReport step(int64_t step, const std::function<StepReport()>& work);

 private:
  const int64_t every_;
  bool first_ = true;
};

/// One line with the largest difference of each kernel; a warning where a reference replaces one (which has said so itself).
void log_differences(int64_t step, const std::vector<KernelDifference>& differences);

}  // namespace fsc::detail
