// A counting allocator on the CPU, the caching allocator's own counts on CUDA; wall clocks between waits for the device.
#include "bench/measure.h"

#include <ATen/Context.h>
#include <ATen/ops/mm.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <torch/cuda.h>
#include <torch/utils.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <limits>

namespace fsc::bench {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::atomic<int64_t> held{0}, peak{0};

/// Each block has its size and its beginning in the words before its first byte.
class CountingMemory : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    char* block = static_cast<char*>(std::malloc(bytes + kAlignment + kHeader));
    TORCH_CHECK(block, "no memory for ", bytes, " bytes");
    const auto place = (reinterpret_cast<uintptr_t>(block) + kHeader + kAlignment - 1) & ~uintptr_t{kAlignment - 1};
    auto* data = reinterpret_cast<void**>(place);
    data[-1] = block;
    data[-2] = reinterpret_cast<void*>(bytes);
    const int64_t now = held += static_cast<int64_t>(bytes);
    for (int64_t before = peak; now > before && !peak.compare_exchange_weak(before, now);) continue;
    return {data, data, &release, c10::DeviceType::CPU};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  static constexpr size_t kAlignment = 64, kHeader = 2 * sizeof(void*);
  static void release(void* data) {
    if (!data) return;
    held -= reinterpret_cast<int64_t>(static_cast<void**>(data)[-2]);
    std::free(static_cast<void**>(data)[-1]);
  }
};

struct MemoryCounts {
  int64_t held = 0, peak = 0;
};
MemoryCounts memory_counts(torch::Device device) {
  if (!device.is_cuda()) return {held, peak};
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(std::max<c10::DeviceIndex>(device.index(), 0));
  return {stats.allocated_bytes[0].current, stats.allocated_bytes[0].peak};
}
void restart_peak(torch::Device device) {
  if (device.is_cuda())
    c10::getDeviceAllocator(device.type())->resetPeakStats(std::max<c10::DeviceIndex>(device.index(), 0));
  else
    peak = held.load();
}

double round_seconds(const Work& work, torch::Device device, int64_t repetitions) {
  synchronize(device);
  const auto start = Clock::now();
  for (int64_t i = 0; i < repetitions; ++i) work();
  synchronize(device);
  return seconds_since(start) / static_cast<double>(repetitions);
}

double matmul_flops(torch::Device device, torch::ScalarType type) {
  const int64_t n = device.is_cuda() ? 8192 : 1024;
  const auto a = torch::randn({n, n}, torch::TensorOptions(device)).to(type), b = a.t().contiguous();
  auto out = torch::empty_like(a);
  const Work product = [&]() -> std::vector<torch::Tensor> {
    at::mm_out(out, a, b);
    return {};
  };
  return 2.0 * static_cast<double>(n * n * n) / fastest_seconds({product}, device, 0.5)[0];
}

}  // namespace

void count_cpu_memory() {
  static CountingMemory memory;
  c10::SetCPUAllocator(&memory, /*priority=*/2);
}

int64_t temporary_bytes(const Work& work, torch::Device device) {
  synchronize(device);
  restart_peak(device);
  const MemoryCounts before = memory_counts(device);
  const auto kept = work();
  synchronize(device);
  const MemoryCounts after = memory_counts(device);
  return after.peak - std::max(before.held, after.held);
}

void synchronize(torch::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

std::vector<double> fastest_seconds(const std::vector<Work>& works, torch::Device device, double budget_seconds) {
  std::vector<double> fastest(works.size(), std::numeric_limits<double>::infinity());
  std::vector<int64_t> repetitions;
  const auto start = Clock::now();
  for (size_t i = 0; i < works.size(); ++i) {
    fastest[i] = round_seconds(works[i], device, 1);
    repetitions.push_back(std::clamp<int64_t>(static_cast<int64_t>(0.02 / fastest[i]), 1, 10000));
  }
  for (int round = 0; round < 2 || seconds_since(start) < budget_seconds; ++round)
    for (size_t i = 0; i < works.size(); ++i) fastest[i] = std::min(fastest[i], round_seconds(works[i], device, repetitions[i]));
  return fastest;
}

double Peaks::flops(const std::string& dtype) const {
  return dtype == "tf32" ? flops_tf32 : dtype == "bf16" ? flops_bf16 : dtype == "fp16" ? flops_fp16 : flops_fp32;
}

Peaks measure_peaks(torch::Device device) {
  const int64_t bytes = device.is_cuda() ? int64_t{1} << 30 : int64_t{1} << 28;
  const auto from = torch::ones({bytes / 4}, torch::TensorOptions(device));
  auto to = torch::empty_like(from);
  const Work copy = [&]() -> std::vector<torch::Tensor> {
    to.copy_(from);
    return {};
  };
  Peaks peaks;
  peaks.bytes_per_second = 2.0 * static_cast<double>(bytes) / fastest_seconds({copy}, device, 0.5)[0];
  {
    const Tf32 off(false);
    peaks.flops_fp32 = matmul_flops(device, torch::kFloat32);
  }
  if (device.is_cuda()) {
    const Tf32 on(true);
    peaks.flops_tf32 = matmul_flops(device, torch::kFloat32);
    peaks.flops_fp16 = matmul_flops(device, torch::kHalf);
  }
  peaks.flops_bf16 = matmul_flops(device, torch::kBFloat16);
  return peaks;
}

torch::ScalarType scalar_type(const std::string& dtype) {
  return dtype == "bf16" ? torch::kBFloat16 : dtype == "fp16" ? torch::kHalf : torch::kFloat32;
}

Tf32::Tf32(bool on)
    : before_(at::globalContext().float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST ? "highest" : "high") {
  at::globalContext().setFloat32MatmulPrecision(on ? "high" : "highest");
  at::globalContext().setAllowTF32CuDNN(on);
}

Tf32::~Tf32() {
  at::globalContext().setFloat32MatmulPrecision(before_);
  at::globalContext().setAllowTF32CuDNN(true);  // as LibTorch begins
}

}  // namespace fsc::bench
