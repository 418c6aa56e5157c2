// Chooses between fused kernels and their references, and compares the two.
#include "fsc/kernels/kernels.h"

#include <spdlog/spdlog.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <set>

#include "kernels/cpu/detail_instruction_set.h"
#include "kernels/detail_dispatch.h"

namespace fsc {
namespace {

std::atomic<Kernels> g_kernels{Kernels::kFused};
std::atomic<int> g_verifications{0};  // VerifyKernels that live
std::mutex g_findings;                // held by whoever touches:
std::vector<KernelDifference> g_differences;
std::set<std::string> g_fallen_back;

bool has_fallen_back(const std::string& kernel) {
  const std::lock_guard lock(g_findings);
  return g_fallen_back.contains(kernel);
}

}  // namespace

UseKernels::UseKernels(Kernels kernels) : before_(g_kernels.exchange(kernels)) {}
UseKernels::~UseKernels() { g_kernels = before_; }

VerifyKernels::VerifyKernels() {
  const std::lock_guard lock(g_findings);
  if (g_verifications++ == 0) g_differences.clear();
}
VerifyKernels::~VerifyKernels() { --g_verifications; }

std::vector<KernelDifference> VerifyKernels::differences() const {
  const std::lock_guard lock(g_findings);
  return g_differences;
}

std::string cpu_instruction_set() { return detail::name_of(detail::instruction_set()); }

namespace detail {
namespace {

/// Differences smaller than this share of 1 are no differences: gradients of a loss that has nothing left to learn are rounding
/// only.
constexpr double kSmallest = 1e-3;

/// max |fused - reference| / max |reference|; infinite where one is finite or a number and the other is not, or the shapes
/// differ.
double difference_of(const torch::Tensor& fused, const torch::Tensor& reference) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (fused.sizes() != reference.sizes() || fused.scalar_type() != reference.scalar_type()) return kInfinity;
  if (reference.numel() == 0) return 0;
  const auto a = fused.detach().to(torch::kFloat64), b = reference.detach().to(torch::kFloat64);
  const auto finite = b.isfinite();
  const auto same = torch::where(finite, a.isfinite(), a.eq(b).logical_or(a.isnan().logical_and(b.isnan())));
  if (!same.all().item<bool>()) return kInfinity;
  const auto largest = [&](const torch::Tensor& x) { return x.masked_fill(finite.logical_not(), 0).abs().max().item<double>(); };
  return largest(a - b) / std::max(largest(b), kSmallest);
}

double tolerance_of(const torch::Tensor& tensor, double tolerance) {
  if (tensor.scalar_type() == torch::kBFloat16) return tolerance + 1.0 / 128;
  return tensor.scalar_type() == torch::kHalf ? tolerance + 1.0 / 1024 : tolerance;
}

/// Outputs, then gradients of the inputs that need one, for a cotangent that is the same for both forms. It is positive: sums of
/// terms of both signs would be rounding more than anything else.
Tensors results_of(const KernelForm& form, const Tensors& inputs) {
  const torch::AutoGradMode enable(true);
  Tensors leaves, differentiable, results, with_graph, cotangents;
  for (const auto& input : inputs) {
    leaves.push_back(input.defined() ? input.detach().clone().set_requires_grad(input.requires_grad()) : input);
    if (input.defined() && input.requires_grad()) differentiable.push_back(leaves.back());
  }
  results = form(leaves);
  for (const auto& output : results) {
    if (!output.requires_grad()) continue;
    with_graph.push_back(output);
    const auto steps = torch::arange(output.numel(), output.options().dtype(torch::kFloat64));
    cotangents.push_back((steps * 12.9898).sin().mul(0.5).add(1).to(output.scalar_type()).view(output.sizes()));
  }
  if (with_graph.empty()) return results;
  const auto gradients =
      torch::autograd::grad(with_graph, differentiable, cotangents, std::nullopt, false, /*allow_unused=*/true);
  for (size_t i = 0; i < gradients.size(); ++i)
    results.push_back(gradients[i].defined() ? gradients[i] : torch::zeros_like(differentiable[i]));
  return results;
}

void record(const KernelDifference& found) {
  const std::lock_guard lock(g_findings);
  if (found.fell_back) g_fallen_back.insert(found.kernel);
  const auto same = [&](const KernelDifference& known) { return known.kernel == found.kernel; };
  const auto known = std::find_if(g_differences.begin(), g_differences.end(), same);
  if (known == g_differences.end())
    g_differences.push_back(found);
  else if (found.fell_back || found.largest / found.tolerance > known->largest / known->tolerance)
    *known = found;
}

/// Compares both forms; what is beyond the tolerance takes the fused one out of use.
void verify(const KernelOperation& operation, const Tensors& inputs, const KernelForm& fused, const KernelForm& reference) {
  const auto actual = results_of(fused, inputs), expected = results_of(reference, inputs);
  TORCH_CHECK(actual.size() == expected.size(), operation.name, ": ", actual.size(), " results of the fused form, ",
              expected.size(), " of the reference");
  KernelDifference found{.kernel = operation.name, .tolerance = operation.tolerance};
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = difference_of(actual[i], expected[i]);
    const double tolerance = tolerance_of(expected[i], operation.tolerance);
    if (difference / tolerance < found.largest / found.tolerance) continue;
    found.largest = difference;
    found.tolerance = tolerance;
  }
  found.fell_back = !(found.largest <= found.tolerance);
  record(found);
  if (found.fell_back)
    spdlog::warn(
        "KERNEL {} IS WRONG HERE: it differs from its reference by {:.3g}, allowed is {:.3g}. From now on the reference (ATen's "
        "operations) is used: slower, and right. Please report this line with the processor ({}) and the model.",
        operation.name, found.largest, found.tolerance, cpu_instruction_set());
}

}  // namespace

bool has_fused_form(const torch::Tensor& tensor) {
  const auto dtype = tensor.scalar_type();
  const bool common = dtype == torch::kFloat32 || dtype == torch::kBFloat16;
  return tensor.is_cuda() ? common || dtype == torch::kHalf : tensor.is_cpu() && common;
}

Tensors run_kernel(const KernelOperation& operation, const Tensors& inputs, const KernelForm& fused,
                   const KernelForm& reference) {
  const bool chosen = g_kernels == Kernels::kFusedAlways || (g_kernels == Kernels::kFused && operation.pays);
  const auto usable = [&] { return chosen && has_fused_form(inputs.front()) && !has_fallen_back(operation.name); };
  if (!usable()) return reference(inputs);
  const auto needs_gradient = [](const torch::Tensor& input) { return input.defined() && input.requires_grad(); };
  if (g_verifications > 0 && torch::GradMode::is_enabled() && std::any_of(inputs.begin(), inputs.end(), needs_gradient))
    verify(operation, inputs, fused, reference);
  return usable() ? fused(inputs) : reference(inputs);
}

}  // namespace detail
}  // namespace fsc
