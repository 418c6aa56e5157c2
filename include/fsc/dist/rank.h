// A process as one rank of its run: how it ends where it fails.
#pragma once
#include <functional>

#include "fsc/dist/layout.h"

namespace fsc {

/// Runs `work` as a rank of `program`'s run. What it throws ends the process here where there are others: they may wait for it,
/// and destructors for them. Rank 0's message goes to the terminal, the others' into their log: as errors, or, where rank 0 says
/// the same (CommonError), as notes. torchelastic's error file gets each.
ExitCode as_a_rank(const char* program, const Layout& layout, const std::function<ExitCode()>& work);

}  // namespace fsc
