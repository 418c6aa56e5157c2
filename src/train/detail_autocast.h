// Autocast while it lives, as the config's precision asks for it.
#pragma once
#include <ATen/autocast_mode.h>

#include "fsc/train/run_config.h"

namespace fsc {

/// For forward passes; the losses run outside it, in float32.
class Autocast {
 public:
  Autocast(Precision precision, torch::DeviceType device) : device_(device), on_(precision == Precision::kAmpBf16 || precision == Precision::kAmp) {
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
