// What is measured: every kernel over the shapes and dtypes that it was made for.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "fsc/kernels/kernels.h"

namespace fsc::bench {

struct Case {
  std::string kernel = {};  ///< "alignment", "contrastive" ...
  std::string shape = {};   ///< "B=64 N=3 P=49 D=512"
  std::string dtype = {};   ///< "fp32", "bf16", "fp16"
  double flops = 0;         ///< multiplications and additions that the formula and its gradient need, nothing computed twice
  double bytes = 0;         ///< that have to be moved at least: inputs read forward and backward, gradients written
  double must = 0;          ///< reference's time / fused time that gpu_check asks of a CUDA device; 0 = none
  /// The inputs are made by it, and live as long as the work. Run it under UseKernels(kernels), and measure it there.
  std::function<Work(Kernels kernels)> make = {};

  std::string name() const { return kernel + " " + shape + " " + dtype; }
};

/// All for a device, the slowest left out on the CPU. A file each.
std::vector<Case> alignment_cases(torch::Device device);
std::vector<Case> loss_cases(torch::Device device);
std::vector<Case> text_cases(torch::Device device);
std::vector<Case> all_cases(torch::Device device);
/// Those whose name holds `filter`.
std::vector<Case> matching(std::vector<Case> cases, const std::string& filter);

struct Measured {
  double seconds = 0;     ///< 0: it ran out of the device's memory
  int64_t temporary = 0;  ///< bytes
};
struct Comparison {
  Measured reference, fused;
  double ratio() const { return fused.seconds > 0 ? reference.seconds / fused.seconds : 0; }
};

/// Both sides in turns.
Comparison compare(const Case& c, torch::Device device, double budget_seconds);

/// The table: a head, and a line a case. Shares are of `peaks`, where there are any.
void print_head();
void print_line(const Case& c, const Comparison& result, const Peaks& peaks, std::optional<double> compiled_seconds = {});

}  // namespace fsc::bench
