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
  void fields(config::Collector& v);
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
