// What a computation depends on besides its inputs, so that the backward pass can run it once more.
#pragma once
#include <ATen/core/Generator.h>
#include <torch/custom_class.h>
#include <torch/types.h>

namespace fsc::detail {

/// Autocast and, if asked for, the state of the device's random generator, as they are when it is made.
struct Surroundings : torch::CustomClassHolder {
  Surroundings(torch::Device of, bool random);
  torch::Device device;
  bool autocast;
  at::ScalarType dtype;
  torch::Tensor random_state;  ///< undefined when the computation draws nothing
};

/// While it lives, autocast is that of `surroundings`; its cache of cast weights is off: a cast made without a graph must not
/// serve a run that needs one.
class AutocastScope {
 public:
  explicit AutocastScope(const Surroundings& surroundings);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  at::DeviceType device_;
  bool enabled_;
  at::ScalarType dtype_;
  bool cache_;
};

/// AutocastScope, and the generator draws again what it drew; afterwards it goes on as if nothing had been drawn.
class ReplayScope {
 public:
  explicit ReplayScope(const Surroundings& surroundings);
  ~ReplayScope();
  ReplayScope(const ReplayScope&) = delete;
  ReplayScope& operator=(const ReplayScope&) = delete;

 private:
  AutocastScope autocast_;
  at::Generator generator_;
  torch::Tensor later_;
};

}  // namespace fsc::detail
