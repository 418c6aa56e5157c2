// Rules between the keys of optim.*; the range of each alone is beside its declaration.
#include <fmt/format.h>

#include <cmath>

#include "fsc/optim/optimizer.h"

namespace fsc {

void TowerOptimConfig::fields(config::Collector& v) {
  using namespace config;
  v(lr_scale, "lr_scale", "Learning rate of this tower as a multiple of optim.lr", above(0.0));
  v(weight_decay_scale, "weight_decay_scale", "Weight decay of this tower as a multiple of optim.weight_decay", at_least(0.0));
  v(layer_decay, "layer_decay", "Factor of the learning rate from each layer to the one below it (1 = all alike)",
    {.low = 0.0, .high = 1.0, .low_open = true});
}

void OptimConfig::fields(config::Collector& v) {
  using namespace config;
  v(lr, "lr", "Peak learning rate", above(0.0));
  v(weight_decay, "weight_decay", "Decoupled weight decay; 1-D parameters, norms, biases and logit_scale are exempt",
    at_least(0.0));
  v(beta1, "beta1", "AdamW beta1", between_open_high(0.0, 1.0));
  v(beta2, "beta2", "AdamW beta2", between_open_high(0.0, 1.0));
  v(eps, "eps", "AdamW epsilon", above(0.0));
  v(schedule, "schedule", "Learning rate after the warm-up");
  v(warmup_steps, "warmup_steps", "Linear warm-up, in optimizer steps", at_least(0));
  v(cooldown_steps, "cooldown_steps", "const-cooldown: length of the decay at the end, in optimizer steps", at_least(0));
  v(cooldown_power, "cooldown_power", "const-cooldown: power of the polynomial decay (1 = linear)", above(0.0));
  v(cooldown_end_lr, "cooldown_end_lr", "const-cooldown: learning rate at the end", at_least(0.0));
  v(grad_clip, "grad_clip", "Largest total gradient norm (0 = off)", at_least(0.0));
  v(max_skipped_steps, "max_skipped_steps", "Stop after this many steps in a row whose gradient was not finite", at_least(1));
  v.group(image, "image");
  v.group(text, "text");
}

double TowerOptimConfig::lr_factor(int64_t layer, int64_t blocks) const {
  return lr_scale * std::pow(layer_decay, static_cast<double>(blocks + 1 - layer));
}

void OptimConfig::validate(config::Problems& problems) const {
  const bool cooldown = schedule == Schedule::kConstCooldown;
  if (cooldown && cooldown_steps == 0) {
    problems.add("optim.cooldown_steps",
                 "schedule const-cooldown needs the length of the cooldown; set it above 0, or use schedule: const");
  }
  if (!cooldown && cooldown_steps > 0) {
    problems.add("optim.cooldown_steps",
                 fmt::format("{} has no effect with schedule {}; set it to 0, or use schedule: const-cooldown", cooldown_steps,
                             config::enum_name(schedule)));
  }
  if (cooldown && cooldown_end_lr > lr) {
    problems.add("optim.cooldown_end_lr",
                 fmt::format("{} is above optim.lr {}: the learning rate would rise at the end", cooldown_end_lr, lr));
  }
}

}  // namespace fsc
