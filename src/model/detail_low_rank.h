// A frozen weight with a trained low-rank branch beside it (LoRA).
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <functional>
#include <string>

namespace fsc {

/// The product W x gets scale * B A x added. A and B are undefined without LoRA.
struct LowRank {
  torch::Tensor A, B;
  double rank = 0, alpha = 0;
  double dropout = 0;  ///< share of the branch's inputs that are dropped while training
  double scale() const { return alpha / rank; }
};

/// A module one of whose weights can carry a low-rank branch. `prefix` comes before A and B in the parameters' names.
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
  const std::string& prefix() const { return prefix_; }

 protected:
  explicit AdaptableImpl(std::string prefix) : prefix_(std::move(prefix)) {}

 private:
  std::string prefix_;
  LowRank low_rank_;
};

/// What comes before a linear layer: a norm, an activation; empty = nothing.
using Before = std::function<torch::Tensor(const torch::Tensor&)>;

/// before(x) W^T + bias, and the branch of `owner` where it has one. With a branch, only x is kept for the gradient and
/// `before` is run again in the backward pass; it must be cheap and have no trained parameters then.
torch::Tensor adaptable_linear(const Before& before, const torch::Tensor& x, const torch::Tensor& weight,
                               const torch::Tensor& bias, const AdaptableImpl& owner);

}  // namespace fsc
