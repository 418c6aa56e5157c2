// The words of CUDA that kernels here use beyond the language, for nvcc and for a test that runs them on the host.
//
// Kernels include this and nothing else of CUDA. A test includes its stand-in for CUDA first, which defines FSC_CUDA_ON_HOST.
//   FSC_DYNAMIC_SHARED(T, name)         T* name: the launch's dynamic shared memory, 128-byte aligned
//   FSC_STATIC_SHARED(T, name, count)   T* name: static shared memory, 16-byte aligned
#pragma once

#if defined(FSC_CUDA_ON_HOST)

#define FSC_DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(::fsc::cuda_on_host::Block::running().dynamic_shared())
#define FSC_STATIC_SHARED(T, name, count) \
  T* name = static_cast<T*>(              \
      ::fsc::cuda_on_host::Block::running().static_shared(sizeof(T) * (count), ::fsc::cuda_on_host::Place::current()))

#else

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_pipeline_primitives.h>
#include <mma.h>

#define FSC_DYNAMIC_SHARED(T, name)                                    \
  extern __shared__ __align__(128) unsigned char fsc_dynamic_shared[]; \
  T* name = reinterpret_cast<T*>(fsc_dynamic_shared)
#define FSC_STATIC_SHARED(T, name, count)                                   \
  __shared__ __align__(16) unsigned char name##_bytes[sizeof(T) * (count)]; \
  T* name = reinterpret_cast<T*>(name##_bytes)

#endif
