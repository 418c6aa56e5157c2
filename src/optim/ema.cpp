// The moving average, updated without waiting for the device.
#include "fsc/optim/ema.h"

#include "fsc/core/error.h"

namespace fsc {

WeightAverage::WeightAverage(NamedParameters parameters, double decay) : parameters_(std::move(parameters)), decay_(decay) {
  for (const auto& [name, parameter] : parameters_)
    averages_.push_back(parameter.detach().to(torch::kFloat32, /*non_blocking=*/false, /*copy=*/true));
}

void WeightAverage::update(const torch::Tensor& skipped) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor share = (1 - skipped) * (1 - decay_);
  for (size_t i = 0; i < averages_.size(); ++i) averages_[i].lerp_(parameters_[i].second.to(torch::kFloat32), share);
}

void WeightAverage::swap() {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < averages_.size(); ++i) {
    const torch::Tensor weight = parameters_[i].second.to(torch::kFloat32, /*non_blocking=*/false, /*copy=*/true);
    parameters_[i].second.copy_(averages_[i]);
    averages_[i].copy_(weight);
  }
}

StateDict WeightAverage::state() const {
  StateDict state;
  for (size_t i = 0; i < averages_.size(); ++i) state.add(parameters_[i].first, averages_[i]);
  return state;
}

void WeightAverage::load(const StateDict& state, const std::string& source) {
  const torch::NoGradGuard no_grad;
  for (size_t i = 0; i < averages_.size(); ++i) {
    const torch::Tensor* value = state.find(parameters_[i].first);
    if (!value || value->sizes() != averages_[i].sizes() || value->scalar_type() != torch::kFloat32)
      throw Error(source + ": the average of " + parameters_[i].first +
                  " is missing or has another shape; the checkpoint belongs to another model or is damaged");
  }
  for (size_t i = 0; i < averages_.size(); ++i) averages_[i].copy_(*state.find(parameters_[i].first));
}

}  // namespace fsc
