// All kernels of the sigmoid loss, for scripts/check_cuda.
#include "kernels/cuda/sigmoid.cuh"
#include "runner.h"

template <class T, class Out>
void all_kernels(Runner& run) {
  using namespace fsc::detail;
  const SigmoidArrays<T> in;
  run_sigmoid_forward(run, in, nullptr);
  run_sigmoid_backward<T, Out>(run, in, nullptr, {});
}
template void all_kernels<float, float>(Runner&);
template void all_kernels<__half, __half>(Runner&);
template void all_kernels<__half, float>(Runner&);
template void all_kernels<__nv_bfloat16, __nv_bfloat16>(Runner&);
