// The network's loops for AVX-512; CMakeLists.txt gives this file its compile flags.
#include "text/detail_matrix_kernel.h"

namespace fsc::detail {

const Kernels kAvx512Kernels{"avx512", affine, maxout_norm};

}  // namespace fsc::detail
