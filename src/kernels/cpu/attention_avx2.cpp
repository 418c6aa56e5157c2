// Attention's loops for AVX2 and FMA; CMakeLists.txt gives this file its compile flags.
#include "kernels/cpu/detail_attention_loops.h"

namespace fsc::detail {

const AttentionLoops kAttentionAvx2{attention_forward, attention_backward};

}  // namespace fsc::detail
