// NVTX, where the build has CUDA.
#include "train/detail_range.h"

#ifdef FSC_CUDA
#include <nvtx3/nvToolsExt.h>

namespace fsc::detail {
Range::Range(const char* name) { nvtxRangePushA(name); }
Range::~Range() { nvtxRangePop(); }
}  // namespace fsc::detail
#else
namespace fsc::detail {
Range::Range(const char*) {}
Range::~Range() = default;
}  // namespace fsc::detail
#endif
