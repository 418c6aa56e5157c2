// Who keeps which parameter's moments, and how the others get what it updates.
#include "train/detail_optimizer_shards.h"

#include <algorithm>
#include <numeric>

namespace fsc::detail {

OptimizerShards::OptimizerShards(std::shared_ptr<World> world, NamedParameters parameters)
    : world_(std::move(world)), parameters_(std::move(parameters)), owner_(parameters_.size()) {
  std::vector<size_t> order(parameters_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return parameters_[a].second.numel() > parameters_[b].second.numel(); });
  std::vector<int64_t> numbers(static_cast<size_t>(world_->size()));
  for (const size_t i : order) {
    const auto least = std::min_element(numbers.begin(), numbers.end());
    owner_[i] = least - numbers.begin();
    *least += parameters_[i].second.numel();
  }
  largest_ = *std::max_element(numbers.begin(), numbers.end());
}

bool OptimizerShards::owns(const std::string& name) const {
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].first == name) return owner_[i] == world_->rank();
  return false;
}

void OptimizerShards::exchange() {
  const torch::NoGradGuard no_grad;
  const torch::Tensor own = torch::zeros({1, largest_}, parameters_[0].second.options().dtype(torch::kFloat32));
  std::vector<int64_t> at(static_cast<size_t>(world_->size()));
  const auto place = [&](const torch::Tensor& rows, size_t i) {
    const torch::Tensor& parameter = parameters_[i].second;
    int64_t& begin = at[static_cast<size_t>(owner_[i])];
    const int64_t row = rows.size(0) == 1 ? 0 : owner_[i];
    const torch::Tensor part = rows[row].narrow(0, begin, parameter.numel()).view_as(parameter);
    begin += parameter.numel();
    return part;
  };
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (owner_[i] == world_->rank()) place(own, i).copy_(parameters_[i].second);
  const torch::Tensor all = world_->all_gather(own);
  std::fill(at.begin(), at.end(), 0);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const torch::Tensor part = place(all, i);
    if (owner_[i] != world_->rank()) parameters_[i].second.detach().copy_(part);
  }
}

StateDict OptimizerShards::gather(const AdamW& optimizer) const {
  StateDict own, all;
  optimizer.save(own);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const auto& [name, parameter] = parameters_[i];
    for (const std::string prefix : {"exp_avg.", "exp_avg_sq.", "step."}) {
      const bool mine = owner_[i] == world_->rank(), number = prefix == "step.";
      const auto options = parameter.options().dtype(number ? torch::kFloat32 : parameter.scalar_type()).requires_grad(false);
      torch::Tensor value =
          mine ? own.find(prefix + name)->clone() : torch::empty(number ? at::IntArrayRef{} : parameter.sizes(), options);
      if (owner_[i] != 0) world_->broadcast(value, owner_[i]);
      if (world_->is_first()) all.add(prefix + name, value);
    }
  }
  return all;
}

}  // namespace fsc::detail
