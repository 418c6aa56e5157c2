// The tile loops of the losses over a batch of pairs for AVX-512.
#include "kernels/cpu/detail_contrastive_loops.h"

namespace fsc::detail {

const ContrastiveLoops kContrastiveAvx512{transpose_columns, cosines, add_gradients,        add,
                                          differentiate,     sigmoid, differentiate_sigmoid};

}  // namespace fsc::detail
