// Tells where the loader's time goes: a line every n steps, a table at the end.
#pragma once
#include "fsc/core/log.h"
#include "fsc/data/loader.h"

#include <spdlog/spdlog.h>

namespace fsc::detail {

class InputReport {
 public:
  InputReport(const Loader& loader, const DataConfig& data)
      : loader_(loader), every_(data.report_every_steps), workers_(data.workers) {}

  /// After a logged step.
  void step(int64_t step) {
    if (every_ == 0 || step / every_ == last_ / every_) return;
    last_ = step;
    const LoaderStats now = loader_.stats();
    log_step_line(input_line(now - before_, workers_));
    before_ = now;
  }

  void finish() const {
    const LoaderStats all = loader_.stats();
    if (all.batches == 0) return;
    for (const auto& line : input_table(all, workers_)) spdlog::info("{}", line);
  }

 private:
  const Loader& loader_;
  int64_t every_, workers_;
  int64_t last_ = 0;
  LoaderStats before_;
};

}  // namespace fsc::detail
