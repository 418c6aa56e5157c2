// The average of the weights where the weights are, for a while.
#pragma once
#include "fsc/optim/ema.h"

namespace fsc::detail {

/// The averages in the weights' place while it lives. Weights of bf16 round them: the averages are put back as they were.
class SwappedAverage {
 public:
  explicit SwappedAverage(WeightAverage& average) : average_(average) {
    const StateDict shared = average.state();
    for (const auto& [name, tensor] : shared.entries()) before_.add(name, tensor.clone());
    average_.swap();
  }
  ~SwappedAverage() {
    average_.swap();
    average_.load(before_, "the average");
  }
  SwappedAverage(const SwappedAverage&) = delete;
  SwappedAverage& operator=(const SwappedAverage&) = delete;

 private:
  WeightAverage& average_;
  StateDict before_;
};

}  // namespace fsc::detail
