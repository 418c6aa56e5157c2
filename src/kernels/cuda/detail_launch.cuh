// From tensors to kernels: the device's age, the current stream, memory of the caching allocator; nothing waits for the device.
#pragma once
#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/types.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/cuda/detail_device.cuh"

namespace fsc::detail {
namespace {

/// Makes the tensor's device the current one, or says that it is too old.
class OnDeviceOf {
 public:
  explicit OnDeviceOf(const torch::Tensor& tensor) : guard_(tensor.device()) {
    int major = 0;
    C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, tensor.get_device()));
    if (major >= 8) return;
    cudaDeviceProp device;
    C10_CUDA_CHECK(cudaGetDeviceProperties(&device, tensor.get_device()));
    TORCH_CHECK(false, "the CUDA kernels need compute capability 8.0, ", device.name, " has ", device.major, ".", device.minor,
                ": set train.kernels to reference");
  }

 private:
  c10::cuda::CUDAGuard guard_;
};

/// The Runner of the .cuh files, on the current stream.
class StreamRunner {
 public:
  explicit StreamRunner(torch::Device device) : device_(device), stream_(c10::cuda::getCurrentCUDAStream()) {}

  float* floats(size_t count) { return room(count, torch::kFloat32).data_ptr<float>(); }
  int* ints(size_t count) { return room(count, torch::kInt32).data_ptr<int>(); }

  template <class... Parameters, class... Arguments>
  void launch(void (*kernel)(Parameters...), dim3 grid, unsigned threads, size_t shared, Arguments... arguments) {
    if (shared > 48 << 10)  // what needs no permission
      C10_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared)));
    kernel<<<grid, threads, shared, stream_>>>(arguments...);
    C10_CUDA_KERNEL_LAUNCH_CHECK();
  }

 private:
  torch::Tensor& room(size_t count, torch::Dtype type) {
    return rooms_.emplace_back(at::empty({static_cast<int64_t>(count)}, at::TensorOptions(device_).dtype(type)));
  }
  torch::Device device_;
  c10::cuda::CUDAStream stream_;
  std::vector<torch::Tensor> rooms_;
};

/// A contiguous tensor's elements as a kernel's type; nullptr where it is undefined.
template <class T>
T* elements(const torch::Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  TORCH_CHECK(tensor.is_contiguous() && tensor.element_size() == sizeof(T), "a kernel needs contiguous tensors of its type, not ",
              tensor.scalar_type(), " with strides ", tensor.strides());
  return static_cast<T*>(tensor.data_ptr());
}

/// Kernels count rows in int.
inline int count_of(int64_t size) {
  TORCH_CHECK(size <= std::numeric_limits<int>::max(), "too many rows for a kernel: ", size);
  return static_cast<int>(size);
}
inline int rows_of(const torch::Tensor& tensor) { return tensor.defined() ? count_of(tensor.size(0)) : 0; }

/// work.operator()<T, Out>() for features of this dtype: T is multiplied, Out is the gradient's. Where matrix products of float32
/// may use TF32, features become fp16: unit rows need no larger exponent, and it keeps as many digits at twice the speed.
template <class Work>
auto with_feature_type(torch::Dtype type, const Work& work) {
  if (type == torch::kBFloat16) return work.template operator()<__nv_bfloat16, __nv_bfloat16>();
  if (type == torch::kHalf) return work.template operator()<__half, __half>();
  TORCH_CHECK(type == torch::kFloat32, "no CUDA kernel for features of ", type);
  if (at::globalContext().allowTF32CuBLAS()) return work.template operator()<__half, float>();
  return work.template operator()<float, float>();
}

/// The features as T, and the tensor that holds them while a kernel is being launched.
template <class T>
torch::Tensor features_as(const torch::Tensor& features) {
  constexpr auto kType = std::is_same_v<T, __half>          ? torch::kHalf
                         : std::is_same_v<T, __nv_bfloat16> ? torch::kBFloat16
                                                            : torch::kFloat32;
  return features.defined() ? features.to(kType).contiguous() : features;
}

/// Like a tensor, not filled; undefined where it is.
inline torch::Tensor room_like(const torch::Tensor& tensor) {
  return tensor.defined() ? at::empty(tensor.sizes(), tensor.options()) : torch::Tensor();
}

}  // namespace
}  // namespace fsc::detail
