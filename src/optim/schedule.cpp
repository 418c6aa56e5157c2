// Learning rate as a pure function of the step (open_clip's schedules).
#include <algorithm>
#include <cmath>
#include <numbers>

#include "fsc/optim/optimizer.h"

namespace fsc {

double learning_rate(const OptimConfig& config, int64_t step, int64_t total) {
  if (step < config.warmup_steps) {
    return config.lr * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps);
  }
  // Share of the way from `start` to `total`; a run that is over, or was all warm-up, is at its end.
  const auto progress = [&](int64_t start) {
    return step >= total ? 1.0 : static_cast<double>(step - start) / static_cast<double>(total - start);
  };
  switch (config.schedule) {
    case Schedule::kConst:
      return config.lr;
    case Schedule::kCosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * progress(config.warmup_steps))) * config.lr;
    case Schedule::kConstCooldown: {
      const int64_t start = total - config.cooldown_steps;
      if (step < start) return config.lr;
      return std::pow(1.0 - progress(start), config.cooldown_power) * (config.lr - config.cooldown_end_lr) +
             config.cooldown_end_lr;
    }
  }
  return config.lr;
}

}  // namespace fsc
