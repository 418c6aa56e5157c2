// All kernels of the contrastive loss, for scripts/check_cuda.
#include "kernels/cuda/contrastive.cuh"
#include "runner.h"

template <class T, class Out>
void all_kernels(Runner& run) {
  using namespace fsc::detail;
  const ContrastiveArrays<T> in;
  run_contrastive_forward(run, in, nullptr, nullptr, nullptr);
  run_contrastive_backward<T, Out>(run, in, nullptr, nullptr, nullptr, {});
}
template void all_kernels<float, float>(Runner&);
template void all_kernels<__half, __half>(Runner&);
template void all_kernels<__half, float>(Runner&);
template void all_kernels<__nv_bfloat16, __nv_bfloat16>(Runner&);
