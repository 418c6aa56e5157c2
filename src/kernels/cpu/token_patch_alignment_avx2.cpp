// The loops of the token-patch alignment for AVX2.
#include "kernels/cpu/detail_alignment_loops.h"

namespace fsc::detail {

const AlignmentLoops kAvx2Alignment{align_forward, align_backward};

}  // namespace fsc::detail
