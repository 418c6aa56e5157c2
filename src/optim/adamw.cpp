// AdamW, one fused call for the parameters of one learning rate and decay; a non-finite gradient turns the step into nothing on
// the device.
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/_fused_adamw.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "fsc/core/error.h"
#include "fsc/optim/optimizer.h"

namespace fsc {
namespace {

/// What the fused kernel gets for one group: only parameters that have a gradient this step, as in PyTorch.
struct Active {
  double lr, weight_decay;
  std::vector<torch::Tensor> parameters, grads, exp_avgs, exp_avg_sqs, steps;
};

const torch::Tensor& checked_entry(const StateDict& state, const std::string& key, const torch::Tensor& like,
                                   const std::string& source) {
  const auto* tensor = state.find(key);
  if (!tensor) {
    throw Error(
        fmt::format("{}: optimizer state {} is missing; the checkpoint belongs to another model or is damaged", source, key));
  }
  if (tensor->sizes() != like.sizes() || tensor->scalar_type() != like.scalar_type()) {
    throw Error(fmt::format("{}: optimizer state {} is {} [{}], expected {} [{}]; the checkpoint belongs to another model",
                            source, key, c10::toString(tensor->scalar_type()), fmt::join(tensor->sizes(), ", "),
                            c10::toString(like.scalar_type()), fmt::join(like.sizes(), ", ")));
  }
  return *tensor;
}

}  // namespace

bool is_decayed(const std::string& name, const torch::Tensor& parameter) {
  if (parameter.dim() < 2) return false;
  for (const char* part : {"bn", "ln", "bias", "logit_scale"}) {
    if (name.find(part) != std::string::npos) return false;
  }
  return true;
}

torch::Tensor Slice::of(const torch::Tensor& whole) const {
  return count == whole.numel() ? whole : whole.detach().view({-1}).narrow(0, first, count);
}

AdamW::AdamW(NamedParameters parameters, const OptimConfig& config, const ScaleOf& scale_of, Sharing sharing)
    : config_(config), sharing_(std::move(sharing)) {
  std::map<std::tuple<bool, double, double>, Group> by_kind;  // whether decayed, factors; those without decay come first
  for (auto& [name, parameter] : parameters) {
    const Slice slice = sharing_.slice_of ? sharing_.slice_of(name) : Slice{.first = 0, .count = parameter.numel()};
    if (slice.count == 0) {
      others_.push_back(std::move(parameter));
      continue;
    }
    const ParameterScale scale = scale_of ? scale_of(name) : ParameterScale{};
    const bool decayed = is_decayed(name, parameter);
    auto& group = by_kind[{decayed, scale.lr, scale.weight_decay}];
    group.lr_scale = scale.lr;
    group.weight_decay = decayed ? config.weight_decay * scale.weight_decay : 0;
    group.names.push_back(name);
    group.slices.push_back(slice);
    for (auto* moments : {&group.exp_avgs, &group.exp_avg_sqs})
      moments->push_back(torch::zeros_like(slice.of(parameter), at::MemoryFormat::Preserve).detach());
    group.steps.push_back(torch::zeros({}, torch::dtype(torch::kFloat32).device(parameter.device())));
    group.parameters.push_back(std::move(parameter));
  }
  for (auto& [kind, group] : by_kind) groups_.push_back(std::move(group));
}

void AdamW::zero_grad() {
  for (auto& group : groups_) {
    for (auto& parameter : group.parameters) parameter.mutable_grad() = torch::Tensor();
  }
  for (auto& parameter : others_) parameter.mutable_grad() = torch::Tensor();
}

bool AdamW::has_gradients() const {
  const auto has_one = [](const torch::Tensor& parameter) { return parameter.grad().defined(); };
  return std::any_of(others_.begin(), others_.end(), has_one) || std::any_of(groups_.begin(), groups_.end(), [&](const auto& g) {
           return std::any_of(g.parameters.begin(), g.parameters.end(), has_one);
         });
}

torch::Tensor AdamW::norm_of(const std::vector<torch::Tensor>& grads, const torch::Device& device) const {
  if (!sharing_.sum) return torch::stack(at::_foreach_norm(grads, 2)).norm(2);
  auto square = torch::zeros({1}, torch::dtype(torch::kFloat64).device(device));  // a float's square need not be a float
  if (!grads.empty()) square += torch::stack(at::_foreach_norm(grads, 2)).to(torch::kFloat64).square().sum();
  sharing_.sum(square);
  return square.sqrt().to(torch::kFloat32).squeeze(0);
}

StepVerdict AdamW::step(double lr, GradScaler& scaler) {
  const torch::NoGradGuard no_grad;
  // Of all parameters, so that all ranks see the same.
  if (!has_gradients()) return {torch::zeros_like(scaler.scale_tensor()), torch::zeros_like(scaler.scale_tensor())};
  std::vector<Active> active;
  std::vector<torch::Tensor> all_grads;
  for (const auto& group : groups_) {
    auto& a = active.emplace_back(Active{.lr = lr * group.lr_scale,
                                         .weight_decay = group.weight_decay,
                                         .parameters = {},
                                         .grads = {},
                                         .exp_avgs = {},
                                         .exp_avg_sqs = {},
                                         .steps = {}});
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      const auto& grad = group.parameters[i].grad();
      if (!grad.defined()) continue;
      a.parameters.push_back(group.slices[i].of(group.parameters[i]));
      a.grads.push_back(group.slices[i].of(grad));
      a.exp_avgs.push_back(group.exp_avgs[i]);
      a.exp_avg_sqs.push_back(group.exp_avg_sqs[i]);
      a.steps.push_back(group.steps[i]);
      all_grads.push_back(a.grads.back());
    }
  }

  // Any NaN or Inf makes the norm non-finite, so the norm that is logged anyway is the whole check.
  const auto norm = norm_of(all_grads, scaler.scale_tensor().device()) / scaler.scale_tensor();
  const auto found_inf = norm.isfinite().logical_not().to(torch::kFloat32);
  if (!all_grads.empty() && (config_.grad_clip > 0 || scaler.enabled())) {
    auto factor = scaler.scale_tensor().reciprocal();
    if (config_.grad_clip > 0) factor = factor * (config_.grad_clip / (norm + 1e-6)).clamp_max(1.0);  // clip_grad_norm_
    at::_foreach_mul_(all_grads, factor);
  }
  for (auto& a : active) {
    if (a.parameters.empty()) continue;
    at::_foreach_add_(a.steps, 1);
    at::_fused_adamw_(a.parameters, a.grads, a.exp_avgs, a.exp_avg_sqs, {}, a.steps, a.lr, config_.beta1, config_.beta2,
                      a.weight_decay, config_.eps, /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/{}, found_inf);
    // A skipped step does not count in the bias correction.
    at::_foreach_sub_(a.steps, std::vector<torch::Tensor>(a.steps.size(), found_inf));
  }
  scaler.update(found_inf);
  return {norm, found_inf};
}

void AdamW::save(StateDict& state) const {
  for (const auto& group : groups_) {
    for (size_t i = 0; i < group.names.size(); ++i) {
      state.add("exp_avg." + group.names[i], group.exp_avgs[i]);
      state.add("exp_avg_sq." + group.names[i], group.exp_avg_sqs[i]);
      state.add("step." + group.names[i], group.steps[i]);
    }
  }
}

void AdamW::load(const StateDict& state, const std::string& source) {
  const torch::NoGradGuard no_grad;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> copies;  // checked first, so that a bad state leaves this one whole
  for (const auto& group : groups_) {
    for (size_t i = 0; i < group.names.size(); ++i) {
      const auto plan = [&](const char* prefix, const torch::Tensor& to) {
        const torch::Tensor from = checked_entry(state, prefix + group.names[i], group.parameters[i], source);
        copies.emplace_back(to, group.slices[i].of(from));
      };
      plan("exp_avg.", group.exp_avgs[i]);
      plan("exp_avg_sq.", group.exp_avg_sqs[i]);
      copies.emplace_back(group.steps[i], checked_entry(state, "step." + group.names[i], group.steps[i], source));
    }
  }
  for (auto& [to, from] : copies) to.copy_(from);
}

int64_t AdamW::state_bytes() const {
  int64_t bytes = 0;
  for (const auto& group : groups_) {
    for (size_t i = 0; i < group.names.size(); ++i) {
      bytes += static_cast<int64_t>(group.exp_avgs[i].nbytes() + group.exp_avg_sqs[i].nbytes() + group.steps[i].nbytes());
    }
  }
  return bytes;
}

}  // namespace fsc
