// The loops of the token-patch alignment for AVX-512 with products of bf16 pairs.
#include "kernels/cpu/detail_alignment_loops.h"

namespace fsc::detail {

const AlignmentLoops kAvx512Bf16Alignment{align_forward, align_backward};

}  // namespace fsc::detail
