// Which implementation of the kernels runs, and the proof that it computes what its reference does.
//
// Every operation of this folder stands there three times under one header: as plain ATen operations (the reference), for the CPU
// and for CUDA. Its entry function checks its arguments and chooses.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "fsc/config/config.h"

namespace fsc {

/// train.kernels
enum class Kernels {
  kFused,        ///< our own where there is one for the device and the dtype and it pays at the size, else the reference
  kReference,    ///< ATen operations only
  kFusedAlways,  ///< as kFused at every size: less memory, also where ATen's operations are as fast
};

/// While it lives, kernels of the whole process are chosen so. Not for two threads at a time.
class UseKernels {
 public:
  explicit UseKernels(Kernels kernels);
  ~UseKernels();
  UseKernels(const UseKernels&) = delete;
  UseKernels& operator=(const UseKernels&) = delete;

 private:
  Kernels before_;
};

/// What a verification found of one operation.
struct KernelDifference {
  std::string kernel;  ///< "token_patch_alignment", "contrastive" ...
  double largest = 0;  ///< over outputs and gradients: max |fused - reference| / (max |reference|, at least 1e-3)
  double tolerance = 0;
  bool fell_back = false;  ///< beyond it (or not finite where the reference is): the reference is used from now on
};

/// While it lives, every fused operation with a gradient is computed twice, also by its reference, forward and backward, on the
/// same inputs; the differences are collected. One that is beyond its tolerance switches the operation to its reference for the
/// rest of the process.
class VerifyKernels {
 public:
  VerifyKernels();
  ~VerifyKernels();
  VerifyKernels(const VerifyKernels&) = delete;
  VerifyKernels& operator=(const VerifyKernels&) = delete;

  /// One entry an operation, the largest difference of all its calls.
  std::vector<KernelDifference> differences() const;
};

/// What the CPU kernels use: "avx512_bf16", "avx512", "avx2" or "portable".
std::string cpu_instruction_set();

}  // namespace fsc

template <>
struct fsc::config::EnumNames<fsc::Kernels> {
  static constexpr const char* names[] = {"fused", "reference", "fused_always"};
};
