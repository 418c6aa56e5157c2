// Ordered map of named tensors.
#include "fsc/tensor/state_dict.h"

namespace fsc {

void StateDict::add(std::string name, torch::Tensor tensor) {
  TORCH_CHECK(index_.emplace(name, entries_.size()).second, "two tensors are called ", name);
  entries_.emplace_back(std::move(name), std::move(tensor));
}

const torch::Tensor* StateDict::find(const std::string& name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? nullptr : &entries_[it->second].second;
}

}  // namespace fsc
