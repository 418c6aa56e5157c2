// The device is opened and told before any model is read.
#include "apps/compute_options.h"

#include <spdlog/spdlog.h>

fsc::Compute fsc::ComputeOptions::open() const {
  Compute compute;
  compute.device = open_device(device_, "--device");
  compute.precision = precision_ == "amp" ? Precision::kAmp : precision_ == "amp_bf16" ? Precision::kAmpBf16 : Precision::kFp32;
  check_precision(compute.precision, compute.device, "--precision");
  spdlog::info("device {}{}", device_text(compute.device, device_), precision_ == "fp32" ? "" : ", " + precision_);
  return compute;
}
