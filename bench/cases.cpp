// The list of all cases, both sides of one, and the table.
#include "bench/cases.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/util/Exception.h>
#include <torch/utils.h>

#include <cstdio>
#include <new>

namespace fsc::bench {
namespace {

/// `use` and an end to what it left, or false where the memory does not reach.
bool fits(const std::function<void()>& use, torch::Device device) {
  try {
    use();
    return true;
  } catch (const c10::OutOfMemoryError&) {
  } catch (const std::bad_alloc&) {
  }
  if (device.is_cuda()) c10::getDeviceAllocator(device.type())->emptyCache();
  return false;
}

std::string milliseconds(const Measured& side) {
  char text[32];
  std::snprintf(text, sizeof text, side.seconds > 0 ? "%.3f" : "no memory", 1e3 * side.seconds);
  return text;
}

/// "12%", "-" where there is nothing to compare with.
std::string share(double value, double peak) {
  return peak > 0 && value > 0 ? std::to_string(static_cast<int>(100 * value / peak + 0.5)) + "%" : "-";
}

}  // namespace

std::vector<Case> all_cases(torch::Device device) {
  std::vector<Case> all = alignment_cases(device);
  for (auto& more : {loss_cases(device), text_cases(device)}) all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::vector<Case> matching(std::vector<Case> cases, const std::string& filter) {
  std::erase_if(cases, [&](const Case& c) { return c.name().find(filter) == std::string::npos; });
  return cases;
}

Comparison compare(const Case& c, torch::Device device, double budget_seconds) {
  Comparison result;
  std::vector<Work> works;
  std::vector<Measured*> sides;
  const auto add = [&](Kernels kernels, Measured& side) {
    const UseKernels use(kernels);
    Work work;
    const auto once = [&] {
      work = c.make(kernels);
      work();  // caches, pages, what libraries keep for themselves
      side.temporary = temporary_bytes(work, device);
    };
    if (!fits(once, device)) return;
    works.push_back([work, kernels] {
      const UseKernels here(kernels);
      return work();
    });
    sides.push_back(&side);
  };
  add(Kernels::kReference, result.reference);
  add(Kernels::kFusedAlways, result.fused);
  const auto seconds = fastest_seconds(works, device, budget_seconds);
  for (size_t i = 0; i < sides.size(); ++i) sides[i]->seconds = seconds[i];
  return result;
}

void print_head() {
  std::printf("%-18s %-34s %-5s %12s %12s %12s %7s %9s %6s %10s %6s %10s %10s\n", "kernel", "shape", "dtype", "reference ms",
              "compiled ms", "fused ms", "ratio", "GB/s", "peak", "GFLOP/s", "peak", "ref. MB", "fused MB");
}

void print_line(const Case& c, const Comparison& result, const Peaks& peaks, std::optional<double> compiled_seconds) {
  const Measured &reference = result.reference, &fused = result.fused;
  const double bytes = fused.seconds > 0 ? c.bytes / fused.seconds : 0, flops = fused.seconds > 0 ? c.flops / fused.seconds : 0;
  const std::string compiled = compiled_seconds ? milliseconds({*compiled_seconds}) : "-";
  std::printf("%-18s %-34s %-5s %12s %12s %12s %6.2fx %9.1f %6s %10.1f %6s %10.2f %10.2f\n", c.kernel.c_str(), c.shape.c_str(),
              c.dtype.c_str(), milliseconds(reference).c_str(), compiled.c_str(), milliseconds(fused).c_str(), result.ratio(),
              bytes / 1e9, share(bytes, peaks.bytes_per_second).c_str(), flops / 1e9, share(flops, peaks.flops(c.dtype)).c_str(),
              static_cast<double>(reference.temporary) / 1e6, static_cast<double>(fused.temporary) / 1e6);
  std::fflush(stdout);
}

}  // namespace fsc::bench
