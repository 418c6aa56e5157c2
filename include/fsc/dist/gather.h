// Features of all ranks, with gradient.
#pragma once
#include <memory>
#include <vector>

#include "fsc/dist/world.h"

namespace fsc {

/// Rows [n_r,D] of every rank -> [sum of n_r,D] in the order of ranks. `counts` holds every rank's n_r; they may differ. The
/// gradient of a rank's rows is the sum over all ranks of theirs: as if the ranks' losses were added up in one graph.
torch::Tensor gather_rows(World& world, const torch::Tensor& rows, const std::vector<int64_t>& counts);

}  // namespace fsc
