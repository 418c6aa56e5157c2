// --device and --precision of the programs that score models.
#pragma once
#include <CLI/CLI.hpp>

#include <string>
#include <vector>

#include "fsc/model/device.h"

namespace fsc {

/// What the two options were given.
class ComputeOptions {
 public:
  /// `needed` is an option that the two have no meaning without.
  void declare(CLI::App& app, CLI::Option* needed = nullptr) {
    CLI::Option* device = app.add_option("--device", device_, kDeviceHelp)->capture_default_str();
    CLI::Option* precision =
        app.add_option("--precision", precision_, "fp32; amp_bf16 (autocast); amp (fp16 autocast, CUDA only)")
            ->capture_default_str()
            ->check(CLI::IsMember(precision_names()));
    if (!needed) return;
    device->needs(needed);
    precision->needs(needed);
  }
  /// Opens the device and says which it is. Arguments as for open_device; errors as there and in check_precision.
  Compute open(int64_t local_rank = 0, int64_t local_size = 1) const;
  const std::string& precision() const { return precision_; }

 private:
  /// Without bf16, which is the training's only.
  static std::vector<std::string> precision_names();

  std::string device_ = "auto", precision_ = config::enum_name(Precision::kFp32);
};

}  // namespace fsc
