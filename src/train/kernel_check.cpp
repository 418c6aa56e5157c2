// Which steps are verified, and how it is told.
#include "train/detail_kernel_check.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

namespace fsc::detail {

StepReport KernelCheck::step(int64_t step, const std::function<StepReport()>& work) {
  const bool first = std::exchange(first_, false);
  if (every_ == 0 || !(first || step % every_ == 0)) return work();
  const VerifyKernels verification;
  StepReport report = work();
  log_differences(step, verification.differences());
  return report;
}

void log_differences(int64_t step, const std::vector<KernelDifference>& differences) {
  std::string found;
  bool all_right = true;
  for (const auto& kernel : differences) {
    found += fmt::format("{} {} {:.1e} of {:.1e}{}", found.empty() ? "" : ",", kernel.kernel, kernel.largest, kernel.tolerance,
                         kernel.fell_back ? " (THE REFERENCE FROM NOW ON)" : "");
    all_right = all_right && !kernel.fell_back;
  }
  if (differences.empty()) found = " none, no fused one ran";
  spdlog::log(all_right ? spdlog::level::info : spdlog::level::warn,
              "kernels at step {}, largest difference from the reference of what is allowed:{}", step, found);
}

}  // namespace fsc::detail
