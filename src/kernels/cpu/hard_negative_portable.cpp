// The loops of the (1+N)-way loss for any processor.
#include "kernels/cpu/detail_hard_negative_loops.h"

namespace fsc::detail {

const HardNegativeLoops kHardNegativePortable{add_rows, differentiate_rows};

}  // namespace fsc::detail
