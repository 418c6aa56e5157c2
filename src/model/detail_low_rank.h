// A frozen weight with a trained low-rank branch beside it (LoRA).
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <functional>
#include <string>

#include "fsc/model/towers.h"

namespace fsc {

/// The product W x gets scale * B A x added. A and B are undefined without LoRA.
struct LowRank {
  torch::Tensor A, B;
  double rank = 0, alpha = 0;
  double dropout = 0;  ///< share of the branch's inputs that are dropped while training
  double scale() const { return alpha / rank; }
};

/// Which part of the model a module with a branch is; LoRA's targets choose by it.
struct BranchSite {
  enum class Kind {
    kLinear,     ///< of the MLPs, and projections of features
    kAttention,  ///< attention's projections; all of the pooling by attention, its MLP too
    kConv1,      ///< the patch embedding
  };
  Tower tower = Tower::kNone;
  Kind kind = Kind::kLinear;
  bool packed = false;  ///< attention's input projection as a parameter of attention (in_proj_weight), not a module of its own
};

/// A module one of whose weights can carry a low-rank branch.
class AdaptableImpl : public torch::nn::Module {
 public:
  /// The weight the branch is for; undefined when this one has none.
  virtual torch::Tensor adaptable_weight() const = 0;
  void add_low_rank(LowRank low_rank);
  void remove_low_rank();
  const LowRank& low_rank() const { return low_rank_; }
  bool is_adapted() const { return low_rank_.A.defined(); }
  /// scale * B A in the weight's shape, with gradient.
  torch::Tensor low_rank_weight() const;
  const BranchSite& site() const { return site_; }
  /// What comes before lora_A and lora_B in the parameters' names.
  std::string prefix() const { return site_.packed ? "in_proj_weight_" : ""; }

 protected:
  explicit AdaptableImpl(const BranchSite& site) : site_(site) {}

 private:
  BranchSite site_;
  LowRank low_rank_;
};

/// What comes before a linear layer: a norm, an activation; empty = nothing.
using Before = std::function<torch::Tensor(const torch::Tensor&)>;

/// before(x) W^T + bias, and the branch of `owner` where it has one. With a branch, only x is kept for the gradient and
/// `before` is run again in the backward pass; it must be cheap and have no trained parameters then.
torch::Tensor adaptable_linear(const Before& before, const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, const AdaptableImpl& owner);

}  // namespace fsc
