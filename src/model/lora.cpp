// Which modules get a branch, its first values, its tensors, and merging it.
#include "fsc/model/lora.h"

#include <fnmatch.h>

#include <cmath>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/model/towers.h"
#include "model/detail_initialize.h"
#include "model/detail_modules.h"

namespace fsc {
namespace {

using torch::Tensor;

/// A weight that a branch can be added to.
struct Site {
  std::string name;    ///< of the module; attention's packed projection is <attn>.in_proj
  std::string prefix;  ///< of the parameters' names, up to lora_A
  AdaptableImpl* module;

  Tower tower() const { return module->site().tower; }
  /// As LoRA's targets call it.
  std::string kind() const {
    constexpr const char* kNames[] = {"linear", "attention", "conv1"};
    return kNames[static_cast<size_t>(module->site().kind)];
  }
  /// Side of the patch, 1 for matrices.
  int64_t kernel() const { return module->site().kind == BranchSite::Kind::kConv1 ? module->adaptable_weight().size(2) : 1; }
  std::vector<int64_t> shape_A(int64_t rank) const { return {rank * kernel(), module->adaptable_weight().size(1) * kernel()}; }
  std::vector<int64_t> shape_B(int64_t rank) const { return {module->adaptable_weight().size(0) * kernel(), rank * kernel()}; }
};

std::vector<Site> sites_of(const ClipModelImpl& model) {
  std::vector<Site> sites;
  for (const auto& item : model.named_modules("", /*include_self=*/false)) {
    auto* module = dynamic_cast<AdaptableImpl*>(item.value().get());
    if (!module || !module->adaptable_weight().defined()) continue;
    sites.push_back({item.key() + (module->site().packed ? ".in_proj" : ""), item.key() + "." + module->prefix(), module});
  }
  return sites;
}

bool matches(const Site& site, const std::string& target) {
  std::string_view wanted = target;
  const auto only = [&](std::string_view prefix, Tower tower) {
    if (!wanted.starts_with(prefix)) return true;
    if (site.tower() == tower) wanted.remove_prefix(prefix.size());
    return site.tower() == tower;
  };
  if (!only("image.", Tower::kImage) || !only("text.", Tower::kText)) return false;
  const std::string pattern(wanted);
  return site.kind() == pattern || ::fnmatch(pattern.c_str(), site.name.c_str(), 0) == 0 ||
         ::fnmatch(("*." + pattern).c_str(), site.name.c_str(), 0) == 0;
}

[[noreturn]] void refuse_target(const std::string& target, const std::vector<Site>& sites) {
  std::set<std::string> names;
  for (const auto& site : sites) {
    for (const std::string& name : {site.kind(), site.name.substr(site.name.rfind('.') + 1), site.name})
      names.insert(name), names.insert((site.tower() == Tower::kImage ? "image." : "text.") + name);
  }
  const std::string nearest = nearest_name(target, {names.begin(), names.end()});
  throw UsageError(
      "model.lora.targets: '" + target + "' fits no module of the model" +
      (nearest.empty() ? "" : "; did you mean " + nearest + "?") +
      " Choose among linear, attention, conv1, or the end of a module's name such as c_fc, c_proj, in_proj, out_proj");
}

/// PyTorch's default for Linear and Conv2d, and Xavier's law: bounds of a uniform distribution.
double kaiming_bound(const std::vector<int64_t>& shape) { return 1 / std::sqrt(static_cast<double>(shape[1])); }
double xavier_bound(const std::vector<int64_t>& shape) { return std::sqrt(6.0 / static_cast<double>(shape[0] + shape[1])); }

LowRank first_values(const Site& site, const LoraConfig& config, uint64_t seed) {
  LowRank branch{.A = {}, .B = {}, .rank = static_cast<double>(config.rank), .alpha = config.alpha, .dropout = config.dropout};
  const auto shape_A = site.shape_A(config.rank), shape_B = site.shape_B(config.rank);
  // The reference draws both of attention's packed projection, so its step 0 is not the base model.
  const bool packed = site.module->site().packed;
  const double bound_A = packed ? xavier_bound(shape_A) : kaiming_bound(shape_A);
  branch.A = detail::draw_uniform(shape_A, bound_A, seed, site.prefix + "lora_A");
  branch.B = packed && config.init == LoraInit::kReference
                 ? detail::draw_uniform(shape_B, xavier_bound(shape_B), seed, site.prefix + "lora_B")
                 : torch::zeros(shape_B);
  const auto as_weight = site.module->adaptable_weight().options().requires_grad(false);
  branch.A = branch.A.to(as_weight), branch.B = branch.B.to(as_weight);
  return branch;
}

double number_in(const StateDict& state, const char* key, const std::string& source) {
  const auto it = state.metadata.find(key);
  double value = 0;
  std::istringstream text(it == state.metadata.end() ? "" : it->second);
  text.imbue(std::locale::classic());
  if (!(text >> value) || !text.eof() || !(value > 0))
    throw Error(source + ": metadata " + key +
                " is missing or no number above 0; it is not a LoRA file of fsc-train, or it is damaged");
  return value;
}

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream out;
  out << shape;
  return out.str();
}

/// The tensor `name` of `state` when it has this shape and finite values; else a line of `problems`.
std::optional<Tensor> checked(const StateDict& state, const std::string& name, at::IntArrayRef shape,
                              std::vector<std::string>& problems) {
  const Tensor* tensor = state.find(name);
  if (!tensor)
    problems.push_back(name + " is missing");
  else if (!tensor->is_floating_point() || tensor->sizes() != shape)
    problems.push_back(name + " is " + torch::toString(tensor->scalar_type()) + " " + shape_text(tensor->sizes()) + ", Float " +
                       shape_text(shape) + " is expected");
  else if (!at::isfinite(*tensor).all().item<bool>())
    problems.push_back(name + " holds NaN or Inf");
  else
    return *tensor;
  return std::nullopt;
}

void raise(const std::vector<std::string>& problems, const std::string& source) {
  if (problems.empty()) return;
  std::string text;
  for (size_t i = 0; i < problems.size() && i < 10; ++i) text += "\n  " + problems[i];
  throw Error(source + " does not fit the model (" + std::to_string(problems.size()) + "):" + text +
              (problems.size() > 10 ? "\n  ..." : ""));
}

std::string number_text(double value) {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(17);
  out << value;
  return out.str();
}

/// What `state` has beyond the names in `known`.
void add_unexpected(const StateDict& state, const std::set<std::string>& known, std::vector<std::string>& problems) {
  for (const auto& [name, tensor] : state.entries())
    if (!known.count(name)) problems.push_back(name + " is no branch of this model");
}

}  // namespace

bool is_lora_parameter(const std::string& name) { return name.ends_with("lora_A") || name.ends_with("lora_B"); }

void LoraConfig::validate(config::Problems& problems, const std::string& path) const {
  if (is_on() && targets.empty()) problems.add(path + ".targets", "is empty; name linear, attention, conv1, or set rank to 0");
  for (const auto& target : targets)
    if (target.empty() || target == "image." || target == "text.")
      problems.add(path + ".targets", "'" + target + "' names no module");
  if (is_on()) return;
  const LoraConfig plain;
  if (dropout != plain.dropout) problems.add(path + ".dropout", "has no effect without LoRA; set " + path + ".rank");
  if (alpha != plain.alpha) problems.add(path + ".alpha", "has no effect without LoRA; set " + path + ".rank");
  if (targets != plain.targets) problems.add(path + ".targets", "has no effect without LoRA; set " + path + ".rank");
}

void add_lora(ClipModelImpl& model, const LoraConfig& config, uint64_t seed) {
  TORCH_CHECK(config.is_on(), "add_lora with rank 0");
  const torch::NoGradGuard no_grad;
  const std::vector<Site> sites = sites_of(model);
  std::vector<const Site*> chosen;
  std::set<std::string> fitting;
  for (const auto& site : sites) {
    bool wanted = false;
    for (const auto& target : config.targets)
      if (matches(site, target)) wanted = true, fitting.insert(target);
    if (wanted && site.module->adaptable_weight().requires_grad()) chosen.push_back(&site);
  }
  for (const auto& target : config.targets)
    if (!fitting.count(target)) refuse_target(target, sites);
  if (chosen.empty())
    throw UsageError(
        "model.lora.targets: all modules they name are locked (model.lock_image, model.lock_text), nothing is left to train");
  for (auto& parameter : model.parameters()) parameter.set_requires_grad(false);
  for (const Site* site : chosen) {
    site->module->add_low_rank(first_values(*site, config, seed));
    for (const Tensor& tensor : {site->module->low_rank().A, site->module->low_rank().B}) tensor.set_requires_grad(true);
  }
}

void add_lora(ClipModelImpl& model, const StateDict& state, const std::string& source) {
  const double rank = number_in(state, "lora_rank", source), alpha = number_in(state, "lora_alpha", source);
  if (rank != std::floor(rank) || rank > 4096)
    throw Error(source + ": metadata lora_rank is " + number_text(rank) + ", a whole number up to 4096 is expected");
  std::vector<std::string> problems;
  std::vector<std::pair<AdaptableImpl*, LowRank>> additions;
  std::set<std::string> known;
  for (const auto& site : sites_of(model)) {
    const std::string A = site.prefix + "lora_A", B = site.prefix + "lora_B";
    known.insert({A, B});
    if (!state.find(A) && !state.find(B)) continue;
    const auto tensor_A = checked(state, A, site.shape_A(static_cast<int64_t>(rank)), problems);
    const auto tensor_B = checked(state, B, site.shape_B(static_cast<int64_t>(rank)), problems);
    const auto as_weight = site.module->adaptable_weight().options().requires_grad(false);
    if (tensor_A && tensor_B)
      additions.emplace_back(site.module,
                             LowRank{.A = tensor_A->to(as_weight), .B = tensor_B->to(as_weight), .rank = rank, .alpha = alpha});
  }
  add_unexpected(state, known, problems);
  if (problems.empty() && additions.empty()) problems.push_back("it holds no branch at all");
  raise(problems, source);
  for (auto& [module, branch] : additions) module->add_low_rank(std::move(branch));
}

void merge_lora(ClipModelImpl& model, double strength) {
  const torch::NoGradGuard no_grad;
  for (const auto& site : sites_of(model)) {
    if (!site.module->is_adapted()) continue;
    site.module->adaptable_weight().add_(site.module->low_rank_weight(), strength);
    site.module->remove_low_rank();
  }
  for (auto& parameter : model.parameters()) parameter.set_requires_grad(true);
}

StateDict lora_state(const ClipModelImpl& model) {
  StateDict state;
  for (const auto& site : sites_of(model)) {
    if (!site.module->is_adapted()) continue;
    const LowRank& branch = site.module->low_rank();
    state.add(site.prefix + "lora_A", branch.A.detach());
    state.add(site.prefix + "lora_B", branch.B.detach());
    state.metadata = {{"lora_rank", number_text(branch.rank)}, {"lora_alpha", number_text(branch.alpha)}};
  }
  return state;
}

void load_lora_state(ClipModelImpl& model, const StateDict& state, const std::string& source) {
  const torch::NoGradGuard no_grad;
  const StateDict own = lora_state(model);
  std::vector<std::string> problems;
  for (const auto& [key, value] : own.metadata) {
    const double given = number_in(state, key.c_str(), source);
    if (number_text(given) != value) problems.push_back(key + " is " + number_text(given) + ", " + value + " is expected");
  }
  std::vector<std::pair<Tensor, Tensor>> copies;
  std::set<std::string> known;
  for (const auto& [name, tensor] : own.entries()) {
    known.insert(name);
    if (const auto value = checked(state, name, tensor.sizes(), problems)) copies.emplace_back(tensor, *value);
  }
  add_unexpected(state, known, problems);
  raise(problems, source);
  for (auto& [to, from] : copies) to.copy_(from);
}

}  // namespace fsc
