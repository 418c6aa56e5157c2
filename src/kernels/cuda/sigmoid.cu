// The sigmoid loss on CUDA: tensors in, launches of sigmoid.cuh.
#include "kernels/cuda/sigmoid.cuh"

#include "kernels/cuda/detail_launch.cuh"
#include "kernels/detail_backends.h"

namespace fsc::detail {
namespace {

/// The inputs in the kernels' type, which has to outlive the launches only.
template <class T>
struct SigmoidFeatures {
  torch::Tensor image, text;
  SigmoidArrays<T> arrays;

  explicit SigmoidFeatures(const SigmoidInputs& in)
      : image(features_as<T>(in.image_BD)),
        text(features_as<T>(in.text_WD)),
        arrays{elements<T>(image), elements<T>(text), elements<float>(in.scale), elements<float>(in.bias),
               rows_of(image),     rows_of(text),     count_of(image.size(1)),   count_of(in.offset)} {}
};

}  // namespace

torch::Tensor sigmoid_forward_cuda(const SigmoidInputs& in) {
  const OnDeviceOf device(in.image_BD);
  auto loss = at::empty({}, in.image_BD.options().dtype(torch::kFloat32));
  with_feature_type(in.image_BD.scalar_type(), [&]<class T, class Out>() {
    StreamRunner run(in.image_BD.device());
    const SigmoidFeatures<T> features(in);
    run_sigmoid_forward(run, features.arrays, elements<float>(loss));
  });
  return loss;
}

SigmoidGradients sigmoid_backward_cuda(const SigmoidInputs& in, const torch::Tensor& gradient) {
  const OnDeviceOf device(in.image_BD);
  SigmoidGradients out{room_like(in.image_BD), room_like(in.text_WD), room_like(in.scale), room_like(in.bias)};
  with_feature_type(in.image_BD.scalar_type(), [&]<class T, class Out>() {
    StreamRunner run(in.image_BD.device());
    const SigmoidFeatures<T> features(in);
    run_sigmoid_backward<T, Out>(
        run, features.arrays, elements<float>(gradient),
        {elements<Out>(out.image_BD), elements<Out>(out.text_WD), elements<float>(out.scale), elements<float>(out.bias)});
  });
  return out;
}

}  // namespace fsc::detail
