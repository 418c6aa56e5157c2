// An autograd node that keeps a function's inputs only and rebuilds its graph when the gradient is asked for.
#include "model/detail_recompute.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/detail_replay.h"

namespace fsc::detail {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Run = std::function<Tensor(const Tensor&)>;

struct RunHolder : Surroundings {
  RunHolder(torch::Device of, Run function) : Surroundings(of, /*random=*/true), run(std::move(function)) {}
  Run run;
};

class RecomputedFunction : public torch::autograd::Function<RecomputedFunction> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, at::TensorList parameters,
                        const c10::intrusive_ptr<RunHolder>& holder) {
    variable_list inputs{x};
    inputs.insert(inputs.end(), parameters.begin(), parameters.end());
    ctx->save_for_backward(inputs);
    ctx->saved_data["run"] = c10::IValue::make_capsule(holder);
    const AutocastScope scope(*holder);
    return holder->run(x);  // Function::apply has switched gradients off
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    variable_list inputs = ctx->get_saved_variables();
    const bool x_needs_gradient = ctx->needs_input_grad(0);
    inputs[0] = inputs[0].detach().requires_grad_(x_needs_gradient);
    const auto holder = c10::static_intrusive_pointer_cast<RunHolder>(ctx->saved_data["run"].toCapsule());
    Tensor output;
    {
      const torch::AutoGradMode with_graph(true);
      const ReplayScope scope(*holder);
      output = holder->run(inputs[0]);
    }
    variable_list wanted;
    for (const auto& input : inputs) {
      if (input.requires_grad()) wanted.push_back(input);
    }
    const variable_list found = torch::autograd::grad({output}, wanted, {gradients[0]}, /*retain_graph=*/false,
                                                      /*create_graph=*/false, /*allow_unused=*/true);
    variable_list result;
    size_t next = 0;
    for (const auto& input : inputs) result.push_back(input.requires_grad() ? found[next++] : Tensor());
    result.emplace_back();  // for the function itself
    return result;
  }
};

}  // namespace

Tensor recomputed(Run run, const Tensor& x, const std::vector<Tensor>& parameters) {
  if (!torch::GradMode::is_enabled()) return run(x);
  return RecomputedFunction::apply(x, at::TensorList(parameters), c10::make_intrusive<RunHolder>(x.device(), std::move(run)));
}

}  // namespace fsc::detail
