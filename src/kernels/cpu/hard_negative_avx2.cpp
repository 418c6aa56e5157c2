// The loops of the (1+N)-way loss for AVX2 and FMA.
#include "kernels/cpu/detail_hard_negative_loops.h"

namespace fsc::detail {

const HardNegativeLoops kHardNegativeAvx2{add_rows, differentiate_rows};

}  // namespace fsc::detail
