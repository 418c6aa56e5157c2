// In which number format a model computes.
#pragma once
#include <ATen/autocast_mode.h>
#include <torch/types.h>

#include "fsc/config/config.h"

namespace fsc {

enum class Precision {
  kFp32,
  kAmpBf16,  ///< autocast to bfloat16
  kAmp,      ///< autocast to float16, in training with loss scaling; CUDA only
  kBf16,     ///< the weights too; training only
};

/// Autocast while it lives, as the precision asks for it. For forward passes; losses run outside it, in float32.
class Autocast {
 public:
  Autocast(Precision precision, torch::DeviceType device)
      : device_(device), on_(precision == Precision::kAmpBf16 || precision == Precision::kAmp) {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, precision == Precision::kAmp ? torch::kHalf : torch::kBFloat16);
  }
  ~Autocast() {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, false);
    at::autocast::clear_cache();  // casts of weights that the step is about to change
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  torch::DeviceType device_;
  bool on_;
};

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::Precision> {
  static constexpr const char* names[] = {"fp32", "amp_bf16", "amp", "bf16"};
};
