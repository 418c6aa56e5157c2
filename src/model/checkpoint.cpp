// An autograd node that keeps a function's inputs only and rebuilds its graph when the gradient is asked for.
#include "model/detail_checkpoint.h"

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace fsc::detail {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Run = std::function<Tensor(const Tensor&)>;

/// Sets autocast for one device in this scope. The cache of cast weights is off: a cast made without a graph must not serve a
/// run that needs one.
class AutocastScope {
 public:
  AutocastScope(at::DeviceType device, bool enabled, at::ScalarType dtype)
      : device_(device),
        enabled_(at::autocast::is_autocast_enabled(device)),
        dtype_(at::autocast::get_autocast_dtype(device)),
        cache_(at::autocast::is_autocast_cache_enabled()) {
    set(enabled, dtype, false);
  }
  ~AutocastScope() { set(enabled_, dtype_, cache_); }
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  void set(bool enabled, at::ScalarType dtype, bool cache) {
    at::autocast::set_autocast_enabled(device_, enabled);
    at::autocast::set_autocast_dtype(device_, dtype);
    at::autocast::set_autocast_cache_enabled(cache);
  }
  at::DeviceType device_;
  bool enabled_;
  at::ScalarType dtype_;
  bool cache_;
};

struct RunHolder : torch::CustomClassHolder {
  explicit RunHolder(Run function) : run(std::move(function)) {}
  Run run;
};

class CheckpointFunction : public torch::autograd::Function<CheckpointFunction> {
 public:
  static Tensor forward(AutogradContext* ctx, const Tensor& x, at::TensorList parameters,
                        const c10::intrusive_ptr<RunHolder>& holder) {
    variable_list inputs{x};
    inputs.insert(inputs.end(), parameters.begin(), parameters.end());
    ctx->save_for_backward(inputs);
    const at::DeviceType device = x.device().type();
    const bool enabled = at::autocast::is_autocast_enabled(device);
    const at::ScalarType dtype = at::autocast::get_autocast_dtype(device);
    ctx->saved_data["run"] = c10::IValue::make_capsule(holder);
    ctx->saved_data["autocast"] = enabled;
    ctx->saved_data["dtype"] = static_cast<int64_t>(dtype);
    const AutocastScope scope(device, enabled, dtype);
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
      const AutocastScope scope(inputs[0].device().type(), ctx->saved_data["autocast"].toBool(),
                                static_cast<at::ScalarType>(ctx->saved_data["dtype"].toInt()));
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

Tensor checkpoint(Run run, const Tensor& x, const std::vector<Tensor>& parameters) {
  if (!torch::GradMode::is_enabled()) return run(x);
  return CheckpointFunction::apply(x, at::TensorList(parameters), c10::make_intrusive<RunHolder>(std::move(run)));
}

}  // namespace fsc::detail
