// Token-patch alignment on CUDA: tensors in, launches of token_patch_alignment.cuh.
#include "kernels/cuda/token_patch_alignment.cuh"

#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>

#include "kernels/cuda/detail_launch.cuh"
#include "kernels/detail_backends.h"

namespace fsc::detail {
namespace {

/// Calls work with a null pointer to the kernels' type of this dtype.
template <class Work>
void with_alignment_type(torch::Dtype type, const Work& work) {
  if (type == torch::kFloat32) return work(static_cast<float*>(nullptr));
  if (type == torch::kBFloat16) return work(static_cast<__nv_bfloat16*>(nullptr));
  TORCH_CHECK(type == torch::kHalf, "no CUDA kernel for tokens and patches of ", type);
  work(static_cast<__half*>(nullptr));
}

/// Arguments of forward and backward alike, and the memory that lasts as long as the launches.
template <class T>
struct AlignmentLaunch {
  torch::Tensor rows_V, image_begin_B1;
  AlignmentArguments<T> arguments = {};

  explicit AlignmentLaunch(const AlignmentInputs& in) {
    const auto& patches = in.patches_BPD;
    static_assert(kMostPatches == kMostAlignmentPatchesCuda);
    TORCH_CHECK(patches.size(1) > 0 && patches.size(1) <= kMostPatches, "the CUDA kernel of the alignment score takes 1 to ",
                kMostPatches, " patches an image, not ", patches.size(1));
    const auto ints = at::TensorOptions(patches.device()).dtype(torch::kInt32);
    rows_V = at::empty({in.tokens_VD.size(0)}, ints);
    image_begin_B1 = at::empty({patches.size(0) + 1}, ints);
    AlignmentTexts& texts = arguments;
    texts.images = count_of(patches.size(0));
    texts.texts = count_of(in.owner_R.size(0));
    texts.tokens = count_of(in.tokens_VD.size(0));
    texts.patches = count_of(patches.size(1));
    texts.depth = count_of(patches.size(2));
    texts.softmax = in.normalizer == SimilarityNormalizer::kSoftmax;
    texts.threshold = in.sparsify ? static_cast<float>(1.0 / static_cast<double>(patches.size(1))) : 0.0f;
    texts.offsets_R1 = elements<int64_t>(in.offsets_R1);
    texts.owner_R = elements<int64_t>(in.owner_R);
    texts.scale = elements<float>(in.scale);
    texts.rows_V = elements<int>(rows_V);
    texts.image_begin_B1 = elements<int>(image_begin_B1);
    arguments.patches_BPD = elements<T>(patches);
    arguments.tokens_VD = elements<T>(in.tokens_VD);
    const auto place = reinterpret_cast<uintptr_t>(arguments.patches_BPD) | reinterpret_cast<uintptr_t>(arguments.tokens_VD);
    texts.vectors = (place | static_cast<uintptr_t>(texts.depth * sizeof(T))) % 16 == 0;
  }
};

/// As launch_alignment_forward and _backward call it.
auto launcher(StreamRunner& run) {
  return [&run](auto kernel, int blocks, size_t shared, const auto& in) { run.launch(kernel, blocks, kThreads, shared, in); };
}

}  // namespace

AlignmentForward alignment_forward_cuda(const AlignmentInputs& in) {
  const OnDeviceOf device(in.patches_BPD);
  const auto floats = in.patches_BPD.options().dtype(torch::kFloat32);
  AlignmentForward out{at::empty({in.owner_R.size(0)}, floats), at::empty({in.tokens_VD.size(0), kKeptColumns}, floats)};
  with_alignment_type(in.patches_BPD.scalar_type(), [&](auto* type) {
    AlignmentLaunch<std::remove_pointer_t<decltype(type)>> launch(in);
    launch.arguments.kept_V = reinterpret_cast<KeptOfToken*>(elements<float>(out.kept_VK));
    launch.arguments.score_R = elements<float>(out.score_R);
    StreamRunner run(in.patches_BPD.device());
    launch_alignment_forward(launch.arguments, launcher(run));
  });
  return out;
}

AlignmentGradients alignment_backward_cuda(const AlignmentInputs& in, const AlignmentForward& out,
                                           const torch::Tensor& gradient_R) {
  const OnDeviceOf device(in.patches_BPD);
  const auto floats = in.patches_BPD.options().dtype(torch::kFloat32);
  AlignmentGradients gradients{room_like(in.patches_BPD), room_like(in.tokens_VD), {}};
  const auto cosine_gradient_V = at::empty({in.tokens_VD.size(0)}, floats), scale_R = at::empty({in.owner_R.size(0)}, floats);
  with_alignment_type(in.patches_BPD.scalar_type(), [&](auto* type) {
    using T = std::remove_pointer_t<decltype(type)>;
    AlignmentLaunch<T> launch(in);
    launch.arguments.kept_V = reinterpret_cast<KeptOfToken*>(elements<float>(out.kept_VK));
    launch.arguments.score_R = elements<float>(out.score_R);
    launch.arguments.score_gradient_R = elements<float>(gradient_R);
    launch.arguments.cosine_gradient_V = elements<float>(cosine_gradient_V);
    launch.arguments.scale_gradient_R = elements<float>(scale_R);
    launch.arguments.patch_gradients_BPD = elements<T>(gradients.patches_BPD);
    launch.arguments.token_gradients_VD = elements<T>(gradients.tokens_VD);
    StreamRunner run(in.patches_BPD.device());
    launch_alignment_backward(launch.arguments, launcher(run));
  });
  gradients.scale = scale_R.sum();
  return gradients;
}

}  // namespace fsc::detail
