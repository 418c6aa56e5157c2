// Looks for CUDA as LibTorch sees it, and says why there is none.
#include "fsc/model/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <charconv>

#include "fsc/core/error.h"

namespace fsc {
namespace {

/// N of "cuda:N", -1 for anything else.
int64_t index_of(const std::string& name) {
  constexpr std::string_view kPrefix = "cuda:";
  int index = -1;
  if (!name.starts_with(kPrefix)) return -1;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, index);
  return error == std::errc() && stop == end && index >= 0 && index < 128 ? index : -1;
}

int64_t cuda_devices() { return at::detail::getCUDAHooks().hasCUDART() ? at::detail::getCUDAHooks().getNumGPUs() : 0; }

/// Why cuda_devices() is 0.
std::string why_no_cuda() {
  if (!at::detail::getCUDAHooks().hasCUDART()) return "this build has none; the preset cuda makes one that has";
  try {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  } catch (const c10::Error& error) {
    std::string cause = error.what_without_backtrace();
    cause.resize(std::min(cause.find('\n'), cause.size()));
    return cause;
  }
  return "the driver shows no device (CUDA_VISIBLE_DEVICES?)";
}

}  // namespace

std::string device_name_problem(const std::string& name) {
  if (name == "auto" || name == "cpu" || name == "cuda" || index_of(name) >= 0) return "";
  return "'" + name + "' is no device; give auto, cpu, cuda or cuda:N";
}

torch::Device open_device(const std::string& name, const std::string& option, int64_t local_rank, int64_t local_size) {
  if (const auto problem = device_name_problem(name); !problem.empty()) throw UsageError(option + ": " + problem);
  if (name == "cpu") return torch::kCPU;
  const int64_t devices = cuda_devices();
  if (devices == 0) {
    if (name == "auto") return torch::kCPU;
    throw Error(option + " is " + name + ", but there is no CUDA here: " + why_no_cuda() + "; use cpu or auto to go on without");
  }
  const int64_t wanted = index_of(name), index = wanted >= 0 ? wanted : local_size > 1 ? local_rank : 0;
  if (index >= devices)
    throw Error(option + " is " + (wanted >= 0 ? name : "cuda:" + std::to_string(index)) + ", but there are " +
                std::to_string(devices) + " CUDA devices, the last one cuda:" + std::to_string(devices - 1));
  const torch::Device device(torch::kCUDA, static_cast<c10::DeviceIndex>(index));
  c10::impl::VirtualGuardImpl(torch::kCUDA).setDevice(device);
  return device;
}

std::string device_text(torch::Device device, const std::string& asked_for) {
  if (device.is_cuda()) return device.str();
  const std::string cpu = "cpu, " + std::to_string(at::get_num_threads()) + " threads";
  return asked_for == "auto" ? cpu + " (no CUDA: " + why_no_cuda() + ")" : cpu;
}

void check_precision(Precision precision, torch::Device device, const std::string& option) {
  if (precision == Precision::kAmp && !device.is_cuda())
    throw UsageError(option + ": amp (fp16) needs CUDA; on the CPU use amp_bf16 or fp32");
}

}  // namespace fsc
