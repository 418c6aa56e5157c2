// Rules between the keys of optim.*; the range of each alone is beside its declaration.
#include <fmt/format.h>

#include <cmath>

#include "fsc/optim/optimizer.h"

namespace fsc {

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
