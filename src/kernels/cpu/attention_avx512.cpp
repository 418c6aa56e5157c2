// Attention's loops for AVX-512; CMakeLists.txt gives this file its compile flags.
#include "kernels/cpu/detail_attention_loops.h"

namespace fsc::detail {

const AttentionLoops kAttentionAvx512{attention_forward, attention_backward};

}  // namespace fsc::detail
