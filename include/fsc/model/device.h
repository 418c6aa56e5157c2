// Where a model computes: one vocabulary for train.device and every --device.
#pragma once
#include <torch/types.h>

#include <string>

#include "fsc/tensor/autocast.h"

namespace fsc {

inline constexpr const char* kDeviceHelp =
    "Where to compute: auto (a CUDA device when the build and the driver have one), cpu, cuda or cuda:N";

/// What is wrong with a name that is not auto, cpu, cuda or cuda:N; "" for these.
std::string device_name_problem(const std::string& name);

/// The device that `name` asks for, made the current one. Of `local_size` processes on this machine each gets its own CUDA
/// device, by its number `local_rank`, where the name leaves that open. `option` names the wish in errors. UsageError: no such
/// name; Error: CUDA is asked for and there is none, or no device N, with the reason.
torch::Device open_device(const std::string& name, const std::string& option, int64_t local_rank = 0, int64_t local_size = 1);

/// "cpu, 16 threads", "cuda:0"; where auto found no CUDA, with the reason.
std::string device_text(torch::Device device, const std::string& asked_for);

/// UsageError when the device has no such precision (amp on the CPU). `option` names the wish.
void check_precision(Precision precision, torch::Device device, const std::string& option);

/// Where and in which format a model is scored: --device and --precision.
struct Compute {
  torch::Device device = torch::kCPU;
  Precision precision = Precision::kFp32;
};

}  // namespace fsc
