// All kernels of the hard-negative loss, for scripts/check_cuda.
#include "kernels/cuda/hard_negative.cuh"
#include "runner.h"

void all_kernels(Runner& run) {
  using namespace fsc::detail;
  run_hard_negative_forward(run, {}, nullptr, nullptr);
  run_hard_negative_backward(run, {}, nullptr, nullptr);
}
