// Time and temporary memory of a piece of work, on the CPU or on a CUDA device.
#pragma once
#include <torch/types.h>

#include <functional>
#include <string>
#include <vector>

namespace fsc::bench {

/// One forward and backward pass; what it returns (the gradients) is not temporary.
using Work = std::function<std::vector<torch::Tensor>()>;

/// Tensors' memory on the CPU is counted from now on. Call first in main().
void count_cpu_memory();

/// Bytes that `work` takes at its peak beyond what there was before and what it returns. Runs it once.
int64_t temporary_bytes(const Work& work, torch::Device device);

/// Waits until the device has done what was asked of it.
void synchronize(torch::Device device);

/// Seconds of the fastest of the rounds that fit into `budget_seconds` (at least three), each of as many repetitions as take 20
/// ms. The works take turns, so that all meet the same machine.
std::vector<double> fastest_seconds(const std::vector<Work>& works, torch::Device device, double budget_seconds);

/// What the device can do at most, measured: a copy of a big tensor and a product of big matrices.
struct Peaks {
  double bytes_per_second = 0;  ///< read + written
  double flops_fp32 = 0, flops_tf32 = 0, flops_bf16 = 0, flops_fp16 = 0;
  /// Of the operations on tensors of this kind; tf32 where it is what float32's products run in.
  double flops(const std::string& dtype) const;
};
Peaks measure_peaks(torch::Device device);

/// "fp32", "tf32", "bf16", "fp16" -> the dtype of tensors.
torch::ScalarType scalar_type(const std::string& dtype);
/// While it lives, float32's matrix products and convolutions on CUDA are TF32, or not.
class Tf32 {
 public:
  explicit Tf32(bool on);
  ~Tf32();
  Tf32(const Tf32&) = delete;
  Tf32& operator=(const Tf32&) = delete;

 private:
  std::string before_;
};

}  // namespace fsc::bench
