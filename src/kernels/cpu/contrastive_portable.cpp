// The tile loops of the losses over a batch of pairs for any processor.
#include "kernels/cpu/detail_contrastive_loops.h"

namespace fsc::detail {

const ContrastiveLoops kContrastivePortable{transpose_columns, cosines, add_gradients,        add,
                                            differentiate,     sigmoid, differentiate_sigmoid};

}  // namespace fsc::detail
