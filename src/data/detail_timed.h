// The time that a piece of work takes, added to its stage.
#pragma once
#include "fsc/core/clock.h"
#include "fsc/data/loader_stats.h"

namespace fsc::detail {

/// Adds the time it lives.
class Timed {
 public:
  Timed(LoaderStats& stats, Stage stage) : seconds_(stats.at(stage)) {}
  ~Timed() { seconds_ += seconds_since(begin_); }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  double& seconds_;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace fsc::detail
