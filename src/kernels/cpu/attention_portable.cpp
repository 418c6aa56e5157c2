// Attention's loops for any processor; CMakeLists.txt gives this file its compile flags.
#include "kernels/cpu/detail_attention_loops.h"

namespace fsc::detail {

const AttentionLoops kAttentionPortable{attention_forward, attention_backward};

}  // namespace fsc::detail
