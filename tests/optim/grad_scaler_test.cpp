// fp16 loss scale: torch.amp's growth and back-off, its state, and its part in a step.
#include <ATen/ops/_amp_foreach_non_finite_check_and_unscale.h>
#include <ATen/ops/_amp_update_scale.h>
#include <gtest/gtest.h>
#include <torch/optim/adamw.h>

#include <limits>

#include "fsc/core/error.h"
#include "fsc/optim/optimizer.h"

namespace fsc {
namespace {

torch::Tensor flag(bool on) { return torch::tensor(on ? 1.0F : 0.0F); }
float scale_of(const GradScaler& scaler) { return scaler.scale_tensor().item<float>(); }

TEST(GradScaler, DisabledDoesNothing) {
  GradScaler scaler(false, torch::kCPU);
  const auto loss = torch::tensor(3.0F);
  EXPECT_TRUE(scaler.scale(loss).is_same(loss));
  scaler.update(flag(true));
  EXPECT_EQ(scale_of(scaler), 1.0F);
  StateDict state;
  scaler.save(state);
  EXPECT_EQ(state.size(), 0u);
  EXPECT_NO_THROW(scaler.load(state));
}

TEST(GradScaler, HalvesAfterEveryBadStep) {
  GradScaler scaler(true, torch::kCPU);
  EXPECT_EQ(scale_of(scaler), 65536.0F);
  EXPECT_EQ(scaler.scale(torch::tensor(2.0F)).item<float>(), 131072.0F);
  scaler.update(flag(true));
  scaler.update(flag(true));
  EXPECT_EQ(scale_of(scaler), 16384.0F);
}

TEST(GradScaler, DoublesAfterTwoThousandGoodStepsInARow) {
  GradScaler scaler(true, torch::kCPU);
  for (int i = 0; i < 1999; ++i) scaler.update(flag(false));
  EXPECT_EQ(scale_of(scaler), 65536.0F);
  scaler.update(flag(false));
  EXPECT_EQ(scale_of(scaler), 131072.0F);
  for (int i = 0; i < 1999; ++i) scaler.update(flag(false));
  scaler.update(flag(true));  // starts the count again
  EXPECT_EQ(scale_of(scaler), 65536.0F);
  for (int i = 0; i < 1999; ++i) scaler.update(flag(false));
  EXPECT_EQ(scale_of(scaler), 65536.0F);
  scaler.update(flag(false));
  EXPECT_EQ(scale_of(scaler), 131072.0F);
}

TEST(GradScaler, StateContinuesTheCount) {
  GradScaler before(true, torch::kCPU), after(true, torch::kCPU);
  before.update(flag(true));
  for (int i = 0; i < 1990; ++i) before.update(flag(false));
  StateDict state;
  before.save(state);
  after.load(state);
  for (int i = 0; i < 9; ++i) after.update(flag(false));
  EXPECT_EQ(scale_of(after), 32768.0F);
  after.update(flag(false));
  EXPECT_EQ(scale_of(after), 65536.0F);
  EXPECT_EQ(scale_of(before), 32768.0F);
}

TEST(GradScaler, BadStateIsRefusedAndChangesNothing) {
  GradScaler scaler(true, torch::kCPU);
  StateDict none, half, misshapen;
  EXPECT_THROW(scaler.load(none), Error);
  half.add("scaler.scale", torch::tensor(4.0F));
  EXPECT_THROW(scaler.load(half), Error);
  misshapen.add("scaler.scale", torch::tensor(4.0F));
  misshapen.add("scaler.growth_tracker", torch::zeros({2}, torch::kInt32));
  EXPECT_THROW(scaler.load(misshapen), Error);
  EXPECT_EQ(scale_of(scaler), 65536.0F);
}

/// One parameter, one step with the gradient of x -> loss(x) through the scaler.
struct OneStep {
  torch::Tensor x = torch::tensor({1.0F, -2.0F, 0.5F}).set_requires_grad(true);
  AdamW optimizer{{{"weight", x}}, OptimConfig{.grad_clip = 0.1}};
  StepVerdict operator()(GradScaler& scaler, float factor = 1.0F) {
    optimizer.zero_grad();
    scaler.scale(factor * x.pow(2).sum()).backward();
    return optimizer.step(1e-2, scaler);
  }
};

TEST(GradScaler, AStepIsTheSameWithAndWithoutIt) {
  OneStep plain, scaled;
  GradScaler off(false, torch::kCPU), on(true, torch::kCPU);
  const auto a = plain(off), b = scaled(on);
  EXPECT_TRUE(torch::equal(plain.x, scaled.x));  // a power of two costs no digit
  EXPECT_EQ(a.grad_norm.item<float>(), b.grad_norm.item<float>());
}

TEST(GradScaler, AnOverflowSkipsTheStepAndLowersTheScale) {
  OneStep step;
  GradScaler scaler(true, torch::kCPU);
  const auto before = step.x.detach().clone();
  const auto verdict = step(scaler, 1e38F);  // fine by itself, infinite when scaled
  EXPECT_EQ(verdict.skipped.item<float>(), 1.0F);
  EXPECT_TRUE(torch::equal(step.x, before));
  EXPECT_EQ(scale_of(scaler), 32768.0F);
  EXPECT_EQ(step(scaler).skipped.item<float>(), 0.0F);
  EXPECT_FALSE(torch::equal(step.x, before));
}

/// torch.amp.GradScaler's own steps beside ours, through the operations that it is made of: gradients as fp16 gives them, some of
/// them not finite, over a time in which the scale falls and grows.
TEST(GradScaler, IsTorchAmpsStepForStep) {
  constexpr double kLr = 1e-3;
  const OptimConfig config{.weight_decay = 0, .grad_clip = 0};
  torch::manual_seed(3);
  const auto first = torch::randn({4, 5});
  auto ours = first.clone().requires_grad_(), theirs = first.clone().requires_grad_();
  AdamW optimizer({{"weight", ours}}, config);
  torch::optim::AdamW adamw(
      {theirs},
      torch::optim::AdamWOptions(kLr).betas({config.beta1, config.beta2}).eps(config.eps).weight_decay(config.weight_decay));
  GradScaler scaler(true, torch::kCPU);
  auto scale = torch::full({1}, 65536.0F), growth = torch::zeros({1}, torch::kInt32);
  for (int64_t step = 0; step < 2050; ++step) {
    torch::Tensor gradient = (torch::randn({4, 5}) * scale).to(torch::kHalf).to(torch::kFloat32);  // some beyond 65504
    if (step == 40) gradient[1][2] = NAN;
    ours.mutable_grad() = gradient.clone();
    const StepVerdict verdict = optimizer.step(kLr, scaler);

    theirs.mutable_grad() = gradient.clone();
    torch::Tensor found_inf = torch::zeros({1});
    at::_amp_foreach_non_finite_check_and_unscale_({theirs.mutable_grad()}, found_inf, scale.reciprocal());
    if (found_inf.item<float>() == 0) adamw.step();
    at::_amp_update_scale_(scale, growth, found_inf, 2.0, 0.5, 2000);

    ASSERT_EQ(verdict.skipped.item<float>(), found_inf.item<float>()) << step;
    ASSERT_EQ(scale_of(scaler), scale.item<float>()) << step;
    ASSERT_TRUE(torch::allclose(ours, theirs, 1e-5, 1e-6)) << step;
  }
  EXPECT_GT(scale.item<float>(), 1.0F);
  EXPECT_FALSE(torch::allclose(ours, first, 1e-2));
}

}  // namespace
}  // namespace fsc
