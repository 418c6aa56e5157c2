// Checks autograd's gradients against central differences in double precision.
#pragma once
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <functional>
#include <vector>

namespace fsc::test {

inline const auto kDouble = torch::dtype(torch::kFloat64);

using ScalarFunction = std::function<torch::Tensor(const std::vector<torch::Tensor>&)>;

/// d f / d inputs by autograd; an input that f does not use gets zeros.
inline std::vector<torch::Tensor> autograd_gradients(const ScalarFunction& f, const std::vector<torch::Tensor>& inputs) {
  std::vector<torch::Tensor> leaves, gradients;
  for (const auto& input : inputs) leaves.push_back(input.detach().clone().set_requires_grad(true));
  f(leaves).backward();
  for (const auto& leaf : leaves) gradients.push_back(leaf.grad().defined() ? leaf.grad() : torch::zeros_like(leaf));
  return gradients;
}

/// d f / d inputs by central differences; inputs are double.
inline std::vector<torch::Tensor> numeric_gradients(const ScalarFunction& f, const std::vector<torch::Tensor>& inputs,
                                                    double step = 1e-6) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> points, gradients;
  for (const auto& input : inputs) points.push_back(input.detach().clone().contiguous());
  for (auto& point : points) {
    auto gradient = torch::zeros_like(point);
    for (int64_t i = 0; i < point.numel(); ++i) {
      double& x = point.data_ptr<double>()[i];
      const double centre = x;
      x = centre + step;
      const double above = f(points).item<double>();
      x = centre - step;
      const double below = f(points).item<double>();
      x = centre;
      gradient.data_ptr<double>()[i] = (above - below) / (2 * step);
    }
    gradients.push_back(gradient);
  }
  return gradients;
}

/// Fails where the two differ by more than atol + rtol |numeric|, and where either is not finite.
inline void expect_gradients_near(const std::vector<torch::Tensor>& actual, const std::vector<torch::Tensor>& expected,
                                  double atol = 1e-6, double rtol = 1e-5) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t k = 0; k < actual.size(); ++k) {
    ASSERT_EQ(actual[k].sizes(), expected[k].sizes());
    EXPECT_TRUE(actual[k].isfinite().all().item<bool>()) << "input " << k << ": " << actual[k];
    EXPECT_TRUE(torch::allclose(actual[k], expected[k], rtol, atol))
        << "input " << k << ": largest difference " << (actual[k] - expected[k]).abs().max().item<double>();
  }
}

inline void expect_gradcheck(const ScalarFunction& f, const std::vector<torch::Tensor>& inputs, double atol = 1e-6,
                             double rtol = 1e-5) {
  expect_gradients_near(autograd_gradients(f, inputs), numeric_gradients(f, inputs), atol, rtol);
}

}  // namespace fsc::test
