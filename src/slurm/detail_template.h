// The batch script that the program carries with it.
#pragma once

namespace fsc::detail {

/// The text of scripts/slurm/train.sbatch.
extern const char* const kTrainSbatch;

}  // namespace fsc::detail
