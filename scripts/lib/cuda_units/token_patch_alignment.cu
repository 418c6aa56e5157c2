// All kernels of the alignment score, for scripts/check_cuda.
#include "kernels/cuda/token_patch_alignment.cuh"
#include "runner.h"

template <class T>
void all_kernels(Runner& run) {
  using namespace fsc::detail;
  const auto launch = [&run](auto kernel, int blocks, size_t shared, const auto& in) {
    run.launch(kernel, blocks, kThreads, shared, in);
  };
  const AlignmentArguments<T> in = {};
  launch_alignment_forward(in, launch);
  launch_alignment_backward(in, launch);
}
template void all_kernels<float>(Runner&);
template void all_kernels<__half>(Runner&);
template void all_kernels<__nv_bfloat16>(Runner&);
