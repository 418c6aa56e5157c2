// Which numbers a rank keeps the moments of, and how the others get what it updates.
#include "train/detail_optimizer_shards.h"

#include <algorithm>
#include <map>
#include <utility>

namespace fsc::detail {
namespace {

constexpr size_t kFlying = 3;  // buckets on their way at a time

}  // namespace

OptimizerShards::OptimizerShards(std::shared_ptr<World> world, NamedParameters parameters, std::vector<FlatBucket> buckets)
    : world_(std::move(world)), parameters_(std::move(parameters)), buckets_(std::move(buckets)), slices_(parameters_.size()) {
  for (const auto& bucket : buckets_) {
    const int64_t part = bucket.numbers.size(0) / world_->size(), first = world_->rank() * part;
    for (const auto& member : bucket.members) {
      const int64_t count = parameters_[member.parameter].second.numel();
      const int64_t begin = std::clamp<int64_t>(first - member.first, 0, count);
      const int64_t end = std::clamp<int64_t>(first + part - member.first, 0, count);
      slices_[member.parameter] = {.first = begin, .count = end - begin};
    }
  }
}

Sharing OptimizerShards::sharing() const {
  std::map<std::string, Slice> by_name;
  for (size_t i = 0; i < parameters_.size(); ++i) by_name[parameters_[i].first] = slices_[i];
  return {.slice_of = [by_name = std::move(by_name)](const std::string& name) { return by_name.at(name); },
          .sum = [world = world_](const torch::Tensor& numbers) { world->all_reduce(numbers)->wait(); }};
}

void OptimizerShards::collect(const ValueOf& value_of, const Whole& whole) const {
  const torch::NoGradGuard no_grad;
  std::vector<std::unique_ptr<Pending>> flying;
  for (size_t landed = 0; landed < buckets_.size(); ++landed) {
    while (flying.size() < std::min(landed + kFlying, buckets_.size())) {
      const FlatBucket& bucket = buckets_[flying.size()];
      for (const auto& member : bucket.members) {
        const Slice& slice = slices_[member.parameter];
        if (slice.count == 0) continue;
        bucket.numbers.narrow(0, member.first + slice.first, slice.count).copy_(value_of(member.parameter).flatten());
      }
      flying.push_back(world_->gather_parts(bucket.numbers));
    }
    flying[landed]->wait();
    for (const auto& member : buckets_[landed].members) {
      const torch::Tensor& like = parameters_[member.parameter].second;
      whole(member.parameter, buckets_[landed].numbers.narrow(0, member.first, like.numel()).view_as(like));
    }
  }
}

void OptimizerShards::exchange() const {
  collect([&](size_t i) { return slices_[i].of(parameters_[i].second); },
          [&](size_t i, const torch::Tensor& value) { parameters_[i].second.detach().copy_(value); });
}

StateDict OptimizerShards::gather(const AdamW& optimizer) const {
  StateDict own, all;
  optimizer.save(own);
  for (const std::string moment : {"exp_avg.", "exp_avg_sq."}) {
    collect([&](size_t i) { return *own.find(moment + parameters_[i].first); },
            [&](size_t i, const torch::Tensor& value) {
              if (!world_->is_first()) return;
              all.add(moment + parameters_[i].first, value.to(torch::kCPU, value.scalar_type(), false, /*copy=*/true));
            });
  }
  // Counts are the same on all ranks that have a slice; the one that has the first number tells it.
  torch::Tensor steps = torch::zeros({static_cast<int64_t>(parameters_.size())}, torch::kFloat32);
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (slices_[i].first == 0 && slices_[i].count > 0)
      steps[static_cast<int64_t>(i)] = own.find("step." + parameters_[i].first)->cpu();
  }
  steps = steps.to(parameters_[0].second.device());
  world_->all_reduce(steps)->wait();
  steps = steps.cpu();
  if (!world_->is_first()) return {};
  for (size_t i = 0; i < parameters_.size(); ++i) all.add("step." + parameters_[i].first, steps[static_cast<int64_t>(i)].clone());
  return all;
}

}  // namespace fsc::detail
