// What --dry-run says about a run.
#pragma once
#include "train/detail_session.h"

namespace fsc::detail {

/// Prints what a run would do: parameters, steps, first batch, estimates of memory and disk.
void print_plan(const RunConfig& config, Session& session);

}  // namespace fsc::detail
