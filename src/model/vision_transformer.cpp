// The image tower: patches as tokens after a class token.
#include "model/detail_modules.h"

namespace fsc {

using torch::Tensor;

VisionTransformerImpl::VisionTransformerImpl(const ArchConfig& arch) : patch_size_(arch.vision.patch_size) {
  const VisionConfig& vision = arch.vision;
  class_embedding_ = register_parameter("class_embedding", torch::zeros({vision.width}));
  positional_embedding_ =
      register_parameter("positional_embedding", torch::zeros({vision.grid() * vision.grid() + 1, vision.width}));
  proj_ = register_parameter("proj", torch::zeros({vision.width, arch.embed_dim}));
  const auto conv1 = register_module("conv1", std::make_shared<torch::nn::Module>("conv1"));
  conv1_weight_ = conv1->register_parameter("weight", torch::zeros({vision.width, 3, patch_size_, patch_size_}));
  ln_pre_ = register_module("ln_pre", std::make_shared<LayerNormImpl>(vision.width));
  transformer_ = register_module(
      "transformer",
      std::make_shared<TransformerImpl>(vision.layers, block_config(vision, vision.heads(), arch.quick_gelu, false)));
  ln_post_ = register_module("ln_post", std::make_shared<LayerNormImpl>(vision.width));
}

Tensor VisionTransformerImpl::forward(const Tensor& images_N3SS) const {
  const Tensor patches_NPW = at::conv2d(images_N3SS, conv1_weight_, {}, patch_size_).flatten(2).transpose(1, 2);
  // Under autocast the residual stream of this tower has the convolution's dtype, as in open_clip.
  const Tensor class_token = class_embedding_.to(patches_NPW.scalar_type()).expand({patches_NPW.size(0), 1, -1});
  Tensor x_NLW = at::cat({class_token, patches_NPW}, 1);
  x_NLW = x_NLW + positional_embedding_.to(x_NLW.scalar_type());
  return ln_post_->forward(transformer_->forward(ln_pre_->forward(x_NLW)));
}

}  // namespace fsc
