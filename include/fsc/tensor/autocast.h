// In which number format a model computes, and the scopes that switch autocast.
#pragma once
#include <ATen/autocast_mode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/types.h>

#include <optional>

#include "fsc/config/config.h"

namespace fsc {

enum class Precision {
  kFp32,
  kAmpBf16,  ///< autocast to bfloat16
  kAmp,      ///< autocast to float16, in training with loss scaling; CUDA only
  kBf16,     ///< the weights too; training only
};

/// Autocast while it lives, for forward passes; losses run outside it, in float32. Afterwards the state is what it was before.
class Autocast {
 public:
  /// As the precision asks for it: fp32 and bf16 leave everything as it is.
  Autocast(Precision precision, torch::DeviceType device) : Autocast(dtype_of(precision), device) {}
  /// Matrix products in `dtype`; float32 makes those of 16-bit weights exact. nullopt = leave everything as it is.
  Autocast(std::optional<torch::ScalarType> dtype, torch::DeviceType device) : device_(device), on_(dtype.has_value()) {
    if (!on_) return;
    enabled_ = at::autocast::is_autocast_enabled(device_);
    dtype_ = at::autocast::get_autocast_dtype(device_);
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, *dtype);
  }
  ~Autocast() {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, enabled_);
    at::autocast::set_autocast_dtype(device_, dtype_);
    at::autocast::clear_cache();  // casts of weights that a step is about to change
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  static std::optional<torch::ScalarType> dtype_of(Precision precision) {
    if (precision == Precision::kAmpBf16) return torch::kBFloat16;
    return precision == Precision::kAmp ? std::optional(torch::kHalf) : std::nullopt;
  }

  torch::DeviceType device_;
  bool on_, enabled_ = false;
  torch::ScalarType dtype_ = torch::kBFloat16;
};

/// While it lives, autocast leaves the operations of this thread alone.
class NoAutocast {
 private:
  c10::impl::ExcludeDispatchKeyGuard guard_{c10::autocast_dispatch_keyset};
};

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::Precision> {
  static constexpr const char* names[] = {"fp32", "amp_bf16", "amp", "bf16"};
};
