// The contrastive loss on CUDA: tensors in, launches of contrastive.cuh.
#include "kernels/cuda/contrastive.cuh"

#include "kernels/cuda/detail_launch.cuh"
#include "kernels/detail_backends.h"

namespace fsc::detail {
namespace {

/// The inputs in the kernels' type, which has to outlive the launches only.
template <class T>
struct ContrastiveFeatures {
  torch::Tensor image, text, image_world, text_world, extra;
  ContrastiveArrays<T> arrays;

  explicit ContrastiveFeatures(const ContrastiveInputs& in)
      : image(features_as<T>(in.image_BD)),
        text(features_as<T>(in.text_BD)),
        image_world(features_as<T>(in.image_WD)),
        text_world(features_as<T>(in.text_WD)),
        extra(features_as<T>(in.extra_ED)),
        arrays{elements<T>(image),        elements<T>(text),
               elements<T>(image_world),  elements<T>(text_world),
               elements<T>(extra),        elements<bool>(in.extra_valid_E),
               elements<float>(in.scale), rows_of(image),
               rows_of(image_world),      rows_of(extra),
               count_of(image.size(1)),   count_of(in.offset)} {}
};

}  // namespace

ContrastiveForward contrastive_forward_cuda(const ContrastiveInputs& in) {
  const OnDeviceOf device(in.image_BD);
  const auto options = in.image_BD.options().dtype(torch::kFloat32);
  ContrastiveForward out{at::empty({}, options), at::empty({in.image_BD.size(0)}, options),
                         at::empty({in.image_BD.size(0)}, options)};
  with_feature_type(in.image_BD.scalar_type(), [&]<class T, class Out>() {
    StreamRunner run(in.image_BD.device());
    const ContrastiveFeatures<T> features(in);
    run_contrastive_forward(run, features.arrays, elements<float>(out.image_lse_B), elements<float>(out.text_lse_B),
                            elements<float>(out.loss));
  });
  return out;
}

ContrastiveGradients contrastive_backward_cuda(const ContrastiveInputs& in, const ContrastiveForward& forward,
                                               const torch::Tensor& gradient) {
  const OnDeviceOf device(in.image_BD);
  ContrastiveGradients out{room_like(in.image_BD), room_like(in.text_BD),  room_like(in.image_WD),
                           room_like(in.text_WD),  room_like(in.extra_ED), room_like(in.scale)};
  with_feature_type(in.image_BD.scalar_type(), [&]<class T, class Out>() {
    StreamRunner run(in.image_BD.device());
    const ContrastiveFeatures<T> features(in);
    run_contrastive_backward<T, Out>(run, features.arrays, elements<float>(forward.image_lse_B),
                                     elements<float>(forward.text_lse_B), elements<float>(gradient),
                                     {elements<Out>(out.image_BD), elements<Out>(out.text_BD), elements<Out>(out.image_WD),
                                      elements<Out>(out.text_WD), elements<Out>(out.extra_ED), elements<float>(out.scale)});
  });
  return out;
}

}  // namespace fsc::detail
