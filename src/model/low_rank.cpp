// The linear layer of LoRA: its graph keeps the layer's input as it was before norm or activation, and nothing of the frozen
// weight.
#include "model/detail_low_rank.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/detail_replay.h"

namespace fsc {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor rows_of(const Tensor& x) { return x.reshape({-1, x.size(-1)}); }

/// What the backward pass needs to know besides tensors.
struct Recipe : detail::Surroundings {
  Recipe(torch::Device of, Before function, double branch_scale, double share)
      : Surroundings(of, share > 0), before(std::move(function)), scale(branch_scale), dropout(share) {}
  Tensor input(const Tensor& x) const { return before ? before(x) : x; }
  /// A applied to the input of the branch.
  Tensor reduced(const Tensor& u, const Tensor& A) const {
    return at::linear(dropout > 0 ? at::dropout(u, dropout, true) : u, A);
  }
  Before before;
  double scale, dropout;
};

Tensor linear_with_branch(const Recipe& recipe, const Tensor& x, const Tensor& A, const Tensor& B, const Tensor& weight,
                          const Tensor& bias) {
  const Tensor u = recipe.input(x);
  Tensor y = at::linear(u, weight, bias);
  const Tensor h = rows_of(recipe.reduced(u, A));
  y.view({-1, y.size(-1)}).addmm_(h * recipe.scale, B.to(h.scalar_type()).t());
  return y;
}

class LowRankLinear : public torch::autograd::Function<LowRankLinear> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& A, const Tensor& B, const Tensor& weight,
                        const Tensor& bias, const c10::intrusive_ptr<Recipe>& recipe) {
    ctx->save_for_backward({x, A, B, weight});
    ctx->saved_data["recipe"] = c10::IValue::make_capsule(recipe);
    return linear_with_branch(*recipe, x, A, B, weight, bias);  // Function::apply has switched gradients off
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const variable_list saved = ctx->get_saved_variables();
    const bool x_needs_gradient = ctx->needs_input_grad(0);
    const Tensor &A = saved[1], &B = saved[2], &weight = saved[3], &gradient = gradients[0];
    const auto recipe = c10::static_intrusive_pointer_cast<Recipe>(ctx->saved_data["recipe"].toCapsule());
    const detail::ReplayScope scope(*recipe);
    const Tensor x = saved[0].detach().requires_grad_(x_needs_gradient);
    const torch::AutoGradMode with_graph(true);
    const Tensor u = recipe->input(x), h = recipe->reduced(u, A);
    const torch::NoGradGuard no_graph;
    const Tensor g = rows_of(gradient);
    const Tensor at_h = at::matmul(gradient, B).to(h.scalar_type()) * recipe->scale;
    const Tensor at_B = at::matmul(g.t(), rows_of(h.detach())).to(B.scalar_type()) * recipe->scale;
    if (!x_needs_gradient) return {Tensor(), torch::autograd::grad({h}, {A}, {at_h})[0], at_B, Tensor(), Tensor(), Tensor()};
    const Tensor at_u = at::matmul(gradient, weight).to(u.scalar_type());
    const auto found = torch::autograd::grad({h, u}, {x, A}, {at_h, at_u});
    return {found[0], found[1], at_B, Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

void AdaptableImpl::add_low_rank(LowRank low_rank) {
  low_rank_ = std::move(low_rank);
  register_parameter(prefix() + "lora_A", low_rank_.A);
  register_parameter(prefix() + "lora_B", low_rank_.B);
}

void AdaptableImpl::remove_low_rank() {
  parameters_.erase(prefix() + "lora_A");
  parameters_.erase(prefix() + "lora_B");
  low_rank_ = {};
}

Tensor AdaptableImpl::low_rank_weight() const {
  return at::matmul(low_rank_.B, low_rank_.A).view(adaptable_weight().sizes()) * low_rank_.scale();
}

Tensor adaptable_linear(const Before& before, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const AdaptableImpl& owner) {
  if (!owner.is_adapted()) return at::linear(before ? before(x) : x, weight, bias);
  const LowRank& low_rank = owner.low_rank();
  const double dropout = owner.is_training() ? low_rank.dropout : 0.0;
  const auto recipe = c10::make_intrusive<Recipe>(x.device(), before, low_rank.scale(), dropout);
  if (!torch::GradMode::is_enabled()) return linear_with_branch(*recipe, x, low_rank.A, low_rank.B, weight, bias);
  return LowRankLinear::apply(x, low_rank.A, low_rank.B, weight, bias, recipe);
}

}  // namespace fsc
