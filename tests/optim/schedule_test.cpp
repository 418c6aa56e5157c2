// Learning rates against open_clip's schedulers, written out again from their definition.
#include <gtest/gtest.h>

#include <cmath>

#include "fsc/optim/optimizer.h"

namespace fsc {
namespace {

OptimConfig config_of(Schedule schedule, int64_t warmup, double lr = 2e-3) {
  OptimConfig config;
  config.lr = lr;
  config.schedule = schedule;
  config.warmup_steps = warmup;
  return config;
}

double warm_up(double lr, int64_t warmup, int64_t step) {
  return lr * static_cast<double>(step + 1) / static_cast<double>(warmup);
}

TEST(Schedule, CosineAtEveryStep) {
  const auto config = config_of(Schedule::kCosine, 7);
  for (int64_t step = 0; step < 40; ++step) {
    const double expected =
        step < 7 ? warm_up(2e-3, 7, step) : 0.5 * (1 + std::cos(M_PI * static_cast<double>(step - 7) / 33.0)) * 2e-3;
    EXPECT_NEAR(learning_rate(config, step, 40), expected, 1e-18) << step;
  }
}

TEST(Schedule, KnownPointsOfTheCosine) {
  const auto config = config_of(Schedule::kCosine, 50, 5e-6);
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 150), 1e-7);
  EXPECT_DOUBLE_EQ(learning_rate(config, 49, 150), 5e-6);
  EXPECT_DOUBLE_EQ(learning_rate(config, 50, 150), 5e-6);
  EXPECT_DOUBLE_EQ(learning_rate(config, 100, 150), 2.5e-6);
  EXPECT_NEAR(learning_rate(config, 149, 150), 5e-6 * 0.5 * (1 - std::cos(M_PI / 100)), 1e-18);
  EXPECT_EQ(learning_rate(config, 150, 150), 0.0);
}

TEST(Schedule, ConstStaysAtThePeak) {
  const auto config = config_of(Schedule::kConst, 4);
  for (int64_t step = 0; step < 20; ++step)
    EXPECT_DOUBLE_EQ(learning_rate(config, step, 20), step < 4 ? warm_up(2e-3, 4, step) : 2e-3);
}

TEST(Schedule, CooldownIsAPolynomialOverTheLastSteps) {
  for (const double power : {1.0, 2.0, 0.5}) {
    auto config = config_of(Schedule::kConstCooldown, 3);
    config.cooldown_steps = 8;
    config.cooldown_power = power;
    config.cooldown_end_lr = 1e-4;
    for (int64_t step = 0; step < 20; ++step) {
      double expected = 2e-3;
      if (step < 3)
        expected = warm_up(2e-3, 3, step);
      else if (step >= 12)
        expected = std::pow(1 - static_cast<double>(step - 12) / 8.0, power) * (2e-3 - 1e-4) + 1e-4;
      EXPECT_NEAR(learning_rate(config, step, 20), expected, 1e-17) << step << " " << power;
    }
  }
}

TEST(Schedule, WithoutWarmUpTheFirstStepIsThePeak) {
  for (const auto schedule : {Schedule::kCosine, Schedule::kConst})
    EXPECT_DOUBLE_EQ(learning_rate(config_of(schedule, 0), 0, 10), 2e-3);
}

TEST(Schedule, ARunShorterThanItsWarmUpOnlyWarmsUp) {
  for (const auto schedule : {Schedule::kCosine, Schedule::kConst, Schedule::kConstCooldown}) {
    auto config = config_of(schedule, 100);
    config.cooldown_steps = schedule == Schedule::kConstCooldown ? 50 : 0;
    for (int64_t step = 0; step < 10; ++step) EXPECT_DOUBLE_EQ(learning_rate(config, step, 10), warm_up(2e-3, 100, step));
  }
}

TEST(Schedule, ACooldownLongerThanTheRunIsAlreadyUnderWayAtItsStart) {
  auto config = config_of(Schedule::kConstCooldown, 0);
  config.cooldown_steps = 20;
  for (int64_t step = 0; step < 10; ++step)
    EXPECT_NEAR(learning_rate(config, step, 10), 2e-3 * (1 - (10.0 + static_cast<double>(step)) / 20), 1e-17);
}

TEST(Schedule, StaysFiniteAfterTheEnd) {
  for (const auto schedule : {Schedule::kCosine, Schedule::kConst, Schedule::kConstCooldown}) {
    auto config = config_of(schedule, 10);
    config.cooldown_steps = schedule == Schedule::kConstCooldown ? 5 : 0;
    for (const int64_t step : {10, 11, 1000}) {
      const double lr = learning_rate(config, step, 10);
      EXPECT_TRUE(std::isfinite(lr) && lr >= 0 && lr <= 2e-3) << lr;
    }
  }
}

}  // namespace
}  // namespace fsc
