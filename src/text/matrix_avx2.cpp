// The network's loops for AVX2 and FMA; CMakeLists.txt gives this file its compile flags.
#include "text/detail_matrix_kernel.h"

namespace fsc::detail {

const Kernels kAvx2Kernels{"avx2", affine, maxout_norm};

}  // namespace fsc::detail
