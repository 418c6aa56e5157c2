// The loader of a run alone, as fast as it goes.
#pragma once
#include <cstdint>
#include <functional>

#include "fsc/data/loader_stats.h"
#include "fsc/train/run_config.h"

namespace fsc {

struct LoaderBench {
  LoaderStats stats;
  double seconds = 0;      ///< between the first and the last batch
  double cpu_seconds = 0;  ///< of the whole process in that time
};

/// Opens data and negatives as fsc-train would (of the model only architecture, preprocessing and tokenizer) and takes `batches`
/// batches, over as many epochs as that needs; the first one is not timed. `progress` gets each batch's number. Error as
/// open_session.
LoaderBench bench_loader(const RunConfig& config, int64_t batches, const std::function<void(int64_t)>& progress = {});

}  // namespace fsc
