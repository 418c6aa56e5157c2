// The loops of the token-patch alignment for any processor.
#include "kernels/cpu/detail_alignment_loops.h"

namespace fsc::detail {

const AlignmentLoops kPortableAlignment{align_forward, align_backward};

}  // namespace fsc::detail
