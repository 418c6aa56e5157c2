// AdamW with CLIP's exemptions from decay, a learning rate for each tower and layer, gradient clipping and a skip of non-finite
// steps that never waits for the device.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "fsc/config/config.h"
#include "fsc/tensor/state_dict.h"

namespace fsc {

enum class Schedule { kCosine, kConst, kConstCooldown };

/// optim.image.*, optim.text.*
struct TowerOptimConfig {
  double lr_scale = 1.0;
  double weight_decay_scale = 1.0;
  double layer_decay = 1.0;

  void fields(config::Collector& v);
  /// The learning rate's factor at `layer` of a tower with `blocks` blocks (BEiT's rule): layer 0 = embeddings, 1 ... blocks =
  /// blocks, blocks + 1 = what follows them, whose factor is lr_scale itself.
  double lr_factor(int64_t layer, int64_t blocks) const;
};

/// optim.*
struct OptimConfig {
  double lr = 5e-6;
  double weight_decay = 0.1;
  double beta1 = 0.9;
  double beta2 = 0.98;
  double eps = 1e-6;
  Schedule schedule = Schedule::kCosine;
  int64_t warmup_steps = 50;
  int64_t cooldown_steps = 0;
  double cooldown_power = 1.0;
  double cooldown_end_lr = 0.0;
  double grad_clip = 0.0;
  int64_t max_skipped_steps = 10;
  TowerOptimConfig image = {}, text = {};

  void fields(config::Collector& v);
  void validate(config::Problems& problems) const;
};

/// Learning rate at `step` (0-based) of `total` optimizer steps; open_clip's cosine_lr, const_lr, const_lr_cooldown (there the
/// cooldown is the last cooldown_steps steps).
double learning_rate(const OptimConfig& config, int64_t step, int64_t total);

using NamedParameters = std::vector<std::pair<std::string, torch::Tensor>>;

/// No decay on parameters that are 1-D or 0-D, or named with bn, ln, bias or logit_scale (open_clip's rule).
bool is_decayed(const std::string& name, const torch::Tensor& parameter);

/// fp16's loss scale; lives on the device, so no step waits for a read-back. enabled = false: scale 1, no work.
class GradScaler {
 public:
  GradScaler(bool enabled, const torch::Device& device);
  /// loss * scale.
  torch::Tensor scale(const torch::Tensor& loss) const;
  bool enabled() const { return enabled_; }
  const torch::Tensor& scale_tensor() const { return scale_; }
  /// Halves after a non-finite step, doubles after 2000 good ones (torch.amp's constants). AdamW::step calls it.
  void update(const torch::Tensor& found_inf);
  /// scaler.scale and scaler.growth_tracker; nothing when disabled.
  void save(StateDict& state) const;
  /// Error when enabled and an entry is missing or misshapen.
  void load(const StateDict& state);

 private:
  bool enabled_;
  torch::Tensor scale_, growth_tracker_;
};

/// What a step did, as device tensors; read back only when logged.
struct StepVerdict {
  torch::Tensor grad_norm;  ///< total L2 norm before clipping, unscaled
  torch::Tensor skipped;    ///< float, 1 when a gradient was NaN or Inf and the parameters were left alone
};

/// Factors of the learning rate and of the weight decay of one parameter.
struct ParameterScale {
  double lr = 1.0, weight_decay = 1.0;
};
using ScaleOf = std::function<ParameterScale(const std::string& name)>;

/// The numbers [first, first + count) of a tensor, row by row.
struct Slice {
  int64_t first = 0, count = 0;
  /// A view: one row of numbers, or `whole` itself where the slice is all of it.
  torch::Tensor of(const torch::Tensor& whole) const;
};

/// For an optimizer that several ranks share: the slice of each parameter that is updated here, and has a state; and a sum over
/// the ranks, in place.
struct Sharing {
  std::function<Slice(const std::string& name)> slice_of = {};
  std::function<void(torch::Tensor numbers)> sum = {};
};

class AdamW {
 public:
  /// `scale_of` tells the factors of each parameter; empty = all 1. With `sharing` only slices are updated here, and only their
  /// gradients are looked at; the norm is that of all ranks' slices together, so all ranks must step together.
  AdamW(NamedParameters parameters, const OptimConfig& config, const ScaleOf& scale_of = {}, Sharing sharing = {});

  void zero_grad();
  /// Unscales, measures, clips (config.grad_clip > 0), applies one fused AdamW step and lets the scaler adapt, all on the
  /// device. Parameters without a gradient are left out, as in PyTorch. A gradient (or a total norm) that is NaN or Inf
  /// leaves parameters, moments and step counts untouched, and its norm is reported as it is.
  StepVerdict step(double lr, GradScaler& scaler);

  /// exp_avg.<name>, exp_avg_sq.<name>, and the per-parameter step count as step.<name>; the tensors are shared, not copied. Of
  /// what is updated here only.
  void save(StateDict& state) const;
  /// Takes its own entries, or its slices of them: those of whole parameters, with `sharing` too. Error names the missing or
  /// misshapen one and `source`, and leaves this optimizer as it was.
  void load(const StateDict& state, const std::string& source);
  /// Of what is held here.
  int64_t state_bytes() const;

 private:
  struct Group {
    double lr_scale = 1, weight_decay = 0;
    std::vector<std::string> names;
    std::vector<torch::Tensor> parameters;
    std::vector<Slice> slices;
    std::vector<torch::Tensor> exp_avgs, exp_avg_sqs, steps;
  };
  bool has_gradients() const;
  torch::Tensor norm_of(const std::vector<torch::Tensor>& grads, const torch::Device& device) const;

  OptimConfig config_;
  Sharing sharing_;
  std::vector<Group> groups_;
  std::vector<torch::Tensor> others_;  ///< parameters of which nothing is updated here
};

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::Schedule> {
  static constexpr const char* names[] = {"cosine", "const", "const-cooldown"};
};
