// The result of a run: what is left in its folder when the last step is done.
#pragma once
#include <cstdint>

#include "fsc/train/run_config.h"
#include "train/detail_session.h"
#include "train/guard/detail_guard.h"

namespace fsc::detail {

/// Writes the model after `step`, the average of the weights into ema/, and the loss curve from metrics.jsonl. With guard.action
/// wise-ft the weights are first moved to the alpha that the guard chooses, which the model's record then says. `guard` may be
/// null.
void write_result(const RunConfig& config, Session& session, Guard* guard, int64_t step);

}  // namespace fsc::detail
