// The moving average: its formula, skipped steps, low precision, saving and going on.
#include "fsc/optim/ema.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fsc/core/error.h"
#include "support/expect_error.h"

namespace fsc {
namespace {

using torch::Tensor;

NamedParameters weights(torch::ScalarType dtype = torch::kFloat32) {
  torch::manual_seed(1);
  return {{"a", torch::randn({3, 4}).to(dtype).set_requires_grad(true)},
          {"logit_scale", torch::full({}, 2.0).to(dtype).set_requires_grad(true)}};
}

void move(const NamedParameters& parameters, int k) {
  const torch::NoGradGuard no_grad;
  torch::manual_seed(50 + k);
  for (const auto& [name, tensor] : parameters) tensor.add_(torch::randn(tensor.sizes()).to(tensor.scalar_type()), 0.1);
}

TEST(WeightAverage, FollowsItsFormula) {
  const auto parameters = weights();
  WeightAverage average(parameters, 0.9);
  const Tensor zero = torch::zeros({});
  Tensor expected = parameters[0].second.detach().to(torch::kFloat64);
  EXPECT_TRUE(torch::equal(*average.state().find("a"), parameters[0].second)) << "it starts at the weights";
  for (int k = 0; k < 10; ++k) {
    move(parameters, k);
    average.update(zero);
    expected = 0.9 * expected + 0.1 * parameters[0].second.detach().to(torch::kFloat64);
  }
  EXPECT_TRUE(torch::allclose(average.state().find("a")->to(torch::kFloat64), expected, 1e-6, 1e-7));
}

TEST(WeightAverage, ASkippedStepChangesNotABit) {
  const auto parameters = weights();
  WeightAverage average(parameters, 0.9);
  move(parameters, 0);
  average.update(torch::zeros({}));
  const Tensor before = average.state().find("a")->clone();
  average.update(torch::ones({}));
  EXPECT_TRUE(torch::equal(*average.state().find("a"), before));
}

TEST(WeightAverage, KeepsFloat32BesideBf16Weights) {
  const auto parameters = weights(torch::kBFloat16);
  WeightAverage average(parameters, 0.999);
  const Tensor before = average.state().find("a")->clone();
  EXPECT_EQ(before.scalar_type(), torch::kFloat32);
  move(parameters, 0);
  average.update(torch::zeros({}));  // a change of a thousandth would be lost in bf16
  EXPECT_FALSE(torch::equal(*average.state().find("a"), before));
}

TEST(WeightAverage, SwapsThereAndBack) {
  const auto parameters = weights();
  WeightAverage average(parameters, 0.5);
  move(parameters, 0);
  average.update(torch::zeros({}));
  const Tensor weight = parameters[0].second.detach().clone(), mean = average.state().find("a")->clone();
  average.swap();
  EXPECT_TRUE(torch::equal(parameters[0].second, mean));
  average.swap();
  EXPECT_TRUE(torch::equal(parameters[0].second, weight));
  EXPECT_TRUE(torch::equal(*average.state().find("a"), mean));
}

TEST(WeightAverage, GoesOnBitForBit) {
  const auto first = weights(), second = weights();
  WeightAverage one(first, 0.97);
  for (int k = 0; k < 4; ++k) move(first, k), move(second, k), one.update(torch::zeros({}));
  WeightAverage other(second, 0.97);
  StateDict stored;
  const StateDict state = one.state();
  for (const auto& [name, tensor] : state.entries()) stored.add(name, tensor.clone());
  other.load(stored, "ema.safetensors");
  for (int k = 4; k < 8; ++k) {
    move(first, k), move(second, k);
    one.update(torch::zeros({})), other.update(torch::zeros({}));
  }
  EXPECT_TRUE(torch::equal(*one.state().find("a"), *other.state().find("a")));
}

TEST(WeightAverage, StateOfAnotherModelIsRefusedWhole) {
  WeightAverage average(weights(), 0.9);
  const Tensor before = average.state().find("a")->clone();
  for (const auto& bad : {Tensor(), torch::zeros({2}), torch::zeros({}, torch::kFloat64)}) {
    StateDict state;
    state.add("a", torch::zeros({3, 4}));
    if (bad.defined()) state.add("logit_scale", bad);
    test::expect_error([&] { average.load(state, "run/ema.safetensors"); }, ExitCode::kFailed,
                       {"run/ema.safetensors", "logit_scale"});
    EXPECT_TRUE(torch::equal(*average.state().find("a"), before));
  }
}

}  // namespace
}  // namespace fsc
