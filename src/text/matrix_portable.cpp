// The network's loops for any processor.
#include "text/detail_matrix_kernel.h"

namespace fsc::detail {

const Kernels kPortableKernels{"portable", affine, maxout_norm};

}  // namespace fsc::detail
