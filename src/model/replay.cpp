// Autocast and random state, taken and put back.
#include "model/detail_replay.h"

#include <ATen/Context.h>
#include <ATen/autocast_mode.h>

#include <mutex>

namespace fsc::detail {
namespace {

torch::Tensor state_of(at::Generator generator) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return generator.get_state();
}

void set_state(at::Generator& generator, const torch::Tensor& state) {
  const std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(state);
}

void set_autocast(at::DeviceType device, bool enabled, at::ScalarType dtype, bool cache) {
  at::autocast::set_autocast_enabled(device, enabled);
  at::autocast::set_autocast_dtype(device, dtype);
  at::autocast::set_autocast_cache_enabled(cache);
}

}  // namespace

Surroundings::Surroundings(torch::Device of, bool random)
    : device(of), autocast(at::autocast::is_autocast_enabled(of.type())), dtype(at::autocast::get_autocast_dtype(of.type())) {
  if (random) random_state = state_of(at::globalContext().defaultGenerator(of));
}

AutocastScope::AutocastScope(const Surroundings& surroundings)
    : device_(surroundings.device.type()),
      enabled_(at::autocast::is_autocast_enabled(device_)),
      dtype_(at::autocast::get_autocast_dtype(device_)),
      cache_(at::autocast::is_autocast_cache_enabled()) {
  set_autocast(device_, surroundings.autocast, surroundings.dtype, false);
}

AutocastScope::~AutocastScope() { set_autocast(device_, enabled_, dtype_, cache_); }

ReplayScope::ReplayScope(const Surroundings& surroundings) : autocast_(surroundings) {
  if (!surroundings.random_state.defined()) return;
  generator_ = at::globalContext().defaultGenerator(surroundings.device);
  later_ = state_of(generator_);
  set_state(generator_, surroundings.random_state);
}

ReplayScope::~ReplayScope() {
  if (later_.defined()) set_state(generator_, later_);
}

}  // namespace fsc::detail
