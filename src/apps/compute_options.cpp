// The device is opened and told before any model is read.
#include "apps/compute_options.h"

#include <spdlog/spdlog.h>

namespace {
constexpr fsc::Precision kPrecisions[] = {fsc::Precision::kFp32, fsc::Precision::kAmpBf16, fsc::Precision::kAmp};
}

std::vector<std::string> fsc::ComputeOptions::precision_names() {
  std::vector<std::string> names;
  for (const Precision precision : kPrecisions) names.push_back(config::enum_name(precision));
  return names;
}

fsc::Compute fsc::ComputeOptions::open(int64_t local_rank, int64_t local_size) const {
  Compute compute;
  compute.device = open_device(device_, "--device", local_rank, local_size);
  for (const Precision precision : kPrecisions)
    if (config::enum_name(precision) == precision_) compute.precision = precision;
  check_precision(compute.precision, compute.device, "--precision");
  spdlog::info("device {}{}", device_text(compute.device, device_),
               compute.precision == Precision::kFp32 ? "" : ", " + precision_);
  return compute;
}
