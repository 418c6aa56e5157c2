// Tells where the input's time goes: a line every n steps, a table at the end.
#pragma once
#include "fsc/core/log.h"
#include "train/detail_feed.h"

#include <spdlog/spdlog.h>

namespace fsc::detail {

class InputReport {
 public:
  InputReport(const Feed& feed, const DataConfig& data) : feed_(feed), every_(data.report_every_steps), workers_(data.workers) {}

  /// After a logged step.
  void step(int64_t step) {
    if (every_ == 0 || step / every_ == last_ / every_) return;
    last_ = step;
    const LoaderStats now = feed_.stats();
    log_step_line(input_line(now - before_, workers_));
    before_ = now;
  }

  void finish() const {
    const LoaderStats all = feed_.stats();
    if (all.batches == 0) return;
    for (const auto& line : input_table(all, workers_)) spdlog::info("{}", line);
  }

 private:
  const Feed& feed_;
  int64_t every_, workers_;
  int64_t last_ = 0;
  LoaderStats before_;
};

}  // namespace fsc::detail
