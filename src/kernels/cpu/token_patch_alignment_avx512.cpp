// The loops of the token-patch alignment for AVX-512.
#include "kernels/cpu/detail_alignment_loops.h"

namespace fsc::detail {

const AlignmentLoops kAvx512Alignment{align_forward, align_backward};

}  // namespace fsc::detail
