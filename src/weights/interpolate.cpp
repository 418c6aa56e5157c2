// Element-wise means of state dicts whose names and shapes agree.
#include "fsc/weights/interpolate.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/model/context_length.h"
#include "fsc/weights/description.h"

namespace fsc {
namespace {

std::string shape_text(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

/// Error unless `other` has the tensors of `first` in the same shapes.
void check_same_tensors(const StateDict& first, const std::string& first_name, const StateDict& other,
                        const std::string& other_name) {
  std::vector<std::string> problems;
  for (const auto& [name, tensor] : first.entries()) {
    const torch::Tensor* twin = other.find(name);
    if (!twin)
      problems.push_back(name + " is missing in " + other_name);
    else if (twin->sizes() != tensor.sizes())
      problems.push_back(
          fmt::format("{} is {} in {} and {} in {}", name, shape_text(tensor), first_name, shape_text(*twin), other_name));
  }
  for (const auto& [name, tensor] : other.entries())
    if (!first.find(name)) problems.push_back(name + " is missing in " + first_name);
  if (problems.empty()) return;
  std::string text = fmt::format("{} and {} cannot be averaged, they are different models:", first_name, other_name);
  for (size_t i = 0; i < std::min<size_t>(problems.size(), 10); ++i) text += "\n  " + problems[i];
  if (problems.size() > 10) text += fmt::format("\n  ... and {} more", problems.size() - 10);
  throw Error(text);
}

torch::Tensor plain(const torch::Tensor& tensor) { return tensor.detach().to(torch::kCPU, torch::kFloat32); }

std::string preprocess_text(const Preprocess& p) {
  return fmt::format("{} px, mean {:.5g} {:.5g} {:.5g}, std {:.5g} {:.5g} {:.5g}, {}, {}", p.size, p.mean[0], p.mean[1],
                     p.mean[2], p.std[0], p.std[1], p.std[2], p.interpolation == Interpolation::kBicubic ? "bicubic" : "bilinear",
                     p.resize_mode == ResizeMode::kShortest ? "shortest side" : "squashed");
}

}  // namespace

void check_alike(const std::vector<NamedModel>& models) {
  const auto& [first_name, first] = models.at(0);
  for (size_t i = 1; i < models.size(); ++i) {
    const auto& [name, model] = models[i];
    const std::string both = first_name + " and " + name + " cannot be averaged: ";
    const ArchConfig &a = first->arch, &b = model->arch;
    if (activation_name(a) != activation_name(b))
      throw Error(both + "their activations differ, " + activation_name(a) + " and " + activation_name(b));
    if (!(a == b)) throw Error(both + "their architectures differ: " + arch_differences(a, b));
    if (!(first->preprocess == model->preprocess))
      throw Error(both + "they want their images differently: " + preprocess_text(first->preprocess) + " against " +
                  preprocess_text(model->preprocess));
    const bool same_tokenizer =
        first->tokenizer == model->tokenizer || (!first->tokenizer.empty() && !model->tokenizer.empty() &&
                                                 sha256_file(first->tokenizer) == sha256_file(model->tokenizer));
    if (!same_tokenizer) throw Error(both + "their tokenizers differ");
  }
}

LoadedModel with_context_of(const NamedModel& pretrained, const NamedModel& finetuned) {
  LoadedModel made = *pretrained.model;
  ArchConfig arch = made.arch;
  const ArchConfig& wanted = finetuned.model->arch;
  arch.text.context_length = wanted.text.context_length;
  if (made.arch == arch || !(arch == wanted)) return made;
  std::vector<std::string> notes;
  const StateDict state = with_context_length(state_dict(*made.model), arch.text.context_length, notes);
  made.arch = arch;
  made.model = ClipModel(arch);
  load_state(*made.model, state, pretrained.name);
  for (const auto& note : notes) spdlog::info("{}, to average it with {}: {}", pretrained.name, finetuned.name, note);
  return made;
}

void check_alpha(double alpha, bool extrapolate, const std::string& option) {
  if (!std::isfinite(alpha)) throw UsageError(fmt::format("{}: {} is not a number", option, alpha));
  if (!extrapolate && !(alpha >= 0 && alpha <= 1))
    throw UsageError(fmt::format("{}: {} lies outside [0, 1]; --extrapolate allows it", option, alpha));
}

StateDict interpolate(const StateDict& pretrained, const StateDict& finetuned, double alpha) {
  check_same_tensors(pretrained, "the pretrained model", finetuned, "the fine-tuned one");
  const torch::NoGradGuard no_graph;
  StateDict mixed;
  for (const auto& [name, tensor] : pretrained.entries()) {
    const torch::Tensor from = plain(tensor), to = plain(*finetuned.find(name));
    // The ends are copied, and so is what both have: the sum would round it.
    if (alpha == 0 || alpha == 1)
      mixed.add(name, (alpha == 0 ? from : to).clone());
    else
      mixed.add(name, torch::where(from == to, from, (1 - alpha) * from + alpha * to));
  }
  return mixed;
}

void Soup::add(const StateDict& state, const std::string& name) {
  if (count_ == 0)
    first_ = name;
  else
    check_same_tensors(sum_, first_, state, name);
  const torch::NoGradGuard no_graph;
  StateDict sum;
  for (const auto& [key, tensor] : state.entries()) {
    const torch::Tensor more = plain(tensor).to(torch::kFloat64);
    sum.add(key, count_ == 0 ? more : *sum_.find(key) + more);
  }
  sum_ = std::move(sum);
  ++count_;
}

StateDict Soup::mean() const {
  TORCH_CHECK(count_ > 0, "a soup of nothing");
  StateDict mean;
  for (const auto& [key, sum] : sum_.entries()) mean.add(key, (sum / static_cast<double>(count_)).to(torch::kFloat32));
  return mean;
}

std::vector<size_t> greedy_ingredients(const std::vector<double>& scores,
                                       const std::function<double(const std::vector<size_t>& kept, size_t next)>& score_with) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  std::vector<size_t> kept = {order.at(0)};
  double best = scores[kept[0]];
  for (size_t i = 1; i < order.size(); ++i) {
    const double with = score_with(kept, order[i]);
    if (with < best) continue;
    best = with;
    kept.push_back(order[i]);
  }
  return kept;
}

LoadedModel with_weights(const LoadedModel& like, const StateDict& state, const std::string& name) {
  LoadedModel made = like;  // what else belongs to a model comes along
  made.model = ClipModel(like.arch);
  load_state(*made.model, state, name);
  return made;
}

}  // namespace fsc
