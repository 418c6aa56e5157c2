// Exponential moving average of the weights, kept in float32 on the weights' device.
#pragma once
#include "fsc/optim/optimizer.h"

namespace fsc {

/// average <- decay * average + (1 - decay) * weight after each step that was not skipped; it starts at the weights.
class WeightAverage {
 public:
  WeightAverage(NamedParameters parameters, double decay);

  /// `skipped` as in StepVerdict; the choice is made on the device.
  void update(const torch::Tensor& skipped);
  /// Weights and averages change places (the weights' precision may cost digits). Twice restores float32 weights exactly.
  void swap();

  /// The averages by the parameters' names, shared, not copied.
  StateDict state() const;
  /// Error names the missing or misshapen entry and `source`, before anything is copied.
  void load(const StateDict& state, const std::string& source);

 private:
  NamedParameters parameters_;
  std::vector<torch::Tensor> averages_;
  double decay_;
};

}  // namespace fsc
