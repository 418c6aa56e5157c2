// The forgetting guard's options: a small fixed probe is scored while the model trains.
#pragma once
#include <cstdint>
#include <string>

#include "fsc/config/config.h"

namespace fsc {

/// What of a kind's drop is held against guard.max_drop.
enum class GuardDecide {
  kInterval,  ///< what is certain of it: the upper end of the change's 95% interval must lie below -max_drop
  kPoint,     ///< the drop as measured
};

/// What happens when a probe finds more forgetting than guard.max_drop.
enum class GuardAction {
  kWarn,      ///< a warning
  kStop,      ///< the run ends; its result is the best checkpoint that kept the limit
  kRollback,  ///< back to that checkpoint with a lower learning rate
  kWiseFt,    ///< a warning; at the end the largest alpha between the start and the end that keeps the limit
};

/// guard.*
struct GuardConfig {
  int64_t every_steps = 0;
  std::string suite;
  int64_t items = 2000;
  double max_drop = 2.0;
  GuardDecide decide = GuardDecide::kInterval;
  GuardAction action = GuardAction::kWarn;
  double rollback_lr_factor = 0.5;
  int64_t max_rollbacks = 3;
  int64_t alphas = 10;
  int64_t keep = 5;
  double budget = 0.05;

  bool is_on() const { return every_steps > 0; }
  template <class V>
  void fields(V& v);
};

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::GuardDecide> {
  static constexpr const char* names[] = {"interval", "point"};
};

template <>
struct fsc::config::EnumNames<fsc::GuardAction> {
  static constexpr const char* names[] = {"warn", "stop", "rollback", "wise-ft"};
};

template <class V>
void fsc::GuardConfig::fields(V& v) {
  using namespace config;
  v(every_steps, "every_steps",
    "Steps between two scorings of the probe, which is scored at the start and the end too (0 = no guard)", at_least(0));
  v(suite, "suite",
    "Suite of the probe, as for fsc-eval; empty = of configs/eval/{sugarcrepe,zeroshot,retrieval}.yaml what is there, else the "
    "synthetic world");
  v(items, "items",
    "Items of each task that are scored, evenly spread over all of them (0 = all); the log says how large a drop so many can see",
    at_least(0));
  v(max_drop, "max_drop",
    "Limit: percentage points that the mean of the zero-shot and that of the retrieval tasks may lose against step 0",
    at_least(0.0));
  v(decide, "decide",
    "A kind is beyond the limit when its drop is so for certain (interval: the upper end of the change's 95% interval lies below "
    "-max_drop) or as measured (point)");
  v(action, "action",
    "Beyond the limit: warn; stop (the result is the best checkpoint within); rollback (to it, with a lower rate); wise-ft (at "
    "the end)");
  v(rollback_lr_factor, "rollback_lr_factor", "rollback: factor of the learning rate, each time", between_open_high(0.0, 1.0));
  v(max_rollbacks, "max_rollbacks", "rollback: so many times, then as stop", at_least(0));
  v(alphas, "alphas", "wise-ft: alphas tried are 0, 1/N, 2/N ... 1", between(1, 1000));
  v(keep, "keep",
    "Checkpoints kept of the Pareto front of composition against forgetting, beyond output.keep_last (0 = all of it)",
    at_least(0));
  v(budget, "budget",
    "Share of the training that probes between the first and the last may cost, by count of operations; every_steps is stretched "
    "to keep it (0 = no bound)",
    at_least(0.0));
}
