// optim.*: defaults, ranges and rules between keys.
#include <gtest/gtest.h>

#include <cmath>

#include "fsc/optim/optimizer.h"

namespace fsc {
namespace {

config::Problems problems_of(const std::string& yaml, OptimConfig* read = nullptr) {
  OptimConfig config;
  config::Problems problems;
  config::read_yaml_text(config::fields_of(config), yaml, "test.yaml", problems);
  if (problems.empty()) config.validate(problems);
  if (read) *read = config;
  return problems;
}

TEST(OptimConfig, DefaultsAreThePublishedRecipe) {
  OptimConfig config;
  EXPECT_TRUE(problems_of("{}", &config).empty());
  EXPECT_EQ(config.lr, 5e-6);
  EXPECT_EQ(config.weight_decay, 0.1);
  EXPECT_EQ(config.beta1, 0.9);
  EXPECT_EQ(config.beta2, 0.98);
  EXPECT_EQ(config.eps, 1e-6);
  EXPECT_EQ(config.schedule, Schedule::kCosine);
  EXPECT_EQ(config.warmup_steps, 50);
  EXPECT_EQ(config.grad_clip, 0.0);
}

TEST(OptimConfig, ReadsEveryKey) {
  OptimConfig config;
  const auto problems = problems_of(
      "{lr: 1e-3, weight_decay: 0, beta1: 0.8, beta2: 0.95, eps: 1e-8, schedule: const-cooldown, warmup_steps: 0, "
      "cooldown_steps: 5,"
      " cooldown_power: 2, cooldown_end_lr: 1e-4, grad_clip: 1, max_skipped_steps: 3,"
      " image: {lr_scale: 0.1, weight_decay_scale: 0, layer_decay: 0.7}, text: {layer_decay: 1}}",
      &config);
  EXPECT_TRUE(problems.empty()) << problems.text();
  EXPECT_EQ(config.schedule, Schedule::kConstCooldown);
  EXPECT_EQ(config.cooldown_power, 2.0);
  EXPECT_EQ(config.max_skipped_steps, 3);
  EXPECT_EQ(config.image.lr_scale, 0.1);
  EXPECT_EQ(config.image.weight_decay_scale, 0.0);
  EXPECT_EQ(config.text.lr_scale, 1.0);
}

TEST(OptimConfig, ValuesOutOfRangeAreAllNamed) {
  const auto problems = problems_of(
      "{lr: 0, weight_decay: -1, beta1: 1, beta2: 1, eps: 0, schedule: linear, warmup_steps: -1, grad_clip: -1, "
      "max_skipped_steps: 0, image: {lr_scale: 0, weight_decay_scale: -1, layer_decay: 1.5}, text: {layer_decay: 0}}");
  EXPECT_EQ(problems.size(), 13u) << problems.text();
}

TEST(OptimConfig, LayerDecayIsBeitsRule) {
  const TowerOptimConfig tower{.lr_scale = 0.5, .weight_decay_scale = 1.0, .layer_decay = 0.8};
  EXPECT_DOUBLE_EQ(tower.lr_factor(13, 12), 0.5);  // projection and last norm
  EXPECT_DOUBLE_EQ(tower.lr_factor(12, 12), 0.5 * 0.8);
  EXPECT_DOUBLE_EQ(tower.lr_factor(1, 12), 0.5 * std::pow(0.8, 12));
  EXPECT_DOUBLE_EQ(tower.lr_factor(0, 12), 0.5 * std::pow(0.8, 13));  // embeddings
  EXPECT_EQ(TowerOptimConfig{}.lr_factor(0, 12), 1.0);
}

TEST(OptimConfig, CooldownNeedsItsScheduleAndItsLength) {
  EXPECT_NE(problems_of("{schedule: const-cooldown}").text().find("needs the length"), std::string::npos);
  EXPECT_NE(problems_of("{cooldown_steps: 5}").text().find("no effect with schedule cosine"), std::string::npos);
  const auto rising = problems_of("{schedule: const-cooldown, cooldown_steps: 5, cooldown_end_lr: 1}");
  EXPECT_NE(rising.text().find("cooldown_end_lr"), std::string::npos) << rising.text();
}

}  // namespace
}  // namespace fsc
