// open_clip's image tower: patches as tokens after a class token.
#include "model/detail_modules.h"

namespace fsc {

using torch::Tensor;

VisionTransformerImpl::VisionTransformerImpl(const ArchConfig& arch) {
  const VisionConfig& vision = arch.vision;
  class_embedding_ = register_parameter("class_embedding", new_weight({vision.width}));
  positional_embedding_ =
      register_parameter("positional_embedding", new_weight({vision.grid() * vision.grid() + 1, vision.width}));
  proj_ = register_parameter("proj", new_weight({vision.width, arch.embed_dim}));
  conv1_ = register_module("conv1", std::make_shared<PatchEmbeddingImpl>(vision.width, vision.patch_size, /*with_bias=*/false));
  ln_pre_ = register_module("ln_pre", std::make_shared<LayerNormImpl>(vision.width));
  const BlockConfig block{.tower = Tower::kImage,
                          .width = vision.width,
                          .heads = vision.heads(),
                          .mlp_hidden = mlp_hidden(vision),
                          .activation = arch.quick_gelu ? Activation::kQuickGelu : Activation::kGelu,
                          .layer_scale = vision.ls_init_value.has_value()};
  transformer_ = register_module("transformer", std::make_shared<TransformerImpl>(vision.layers, block));
  ln_post_ = register_module("ln_post", std::make_shared<LayerNormImpl>(vision.width));
}

EncodedImages VisionTransformerImpl::encode(const Tensor& images_N3SS, bool with_tokens) const {
  const Tensor patches_NPW = conv1_->forward(images_N3SS);
  // Under autocast the residual stream of this tower has the convolution's dtype, as in open_clip.
  const Tensor class_token = class_embedding_.to(patches_NPW.scalar_type()).expand({patches_NPW.size(0), 1, -1});
  Tensor x_NLW = at::cat({class_token, patches_NPW}, 1);
  x_NLW = x_NLW + positional_embedding_.to(x_NLW.scalar_type());
  x_NLW = ln_post_->forward(transformer_->forward(ln_pre_->forward(x_NLW)));
  EncodedImages out;
  out.features_BD = unit_rows(at::matmul(x_NLW.select(1, 0), proj_));
  if (with_tokens) out.tokens_BPD = at::matmul(x_NLW.slice(1, 1), proj_);
  return out;
}

}  // namespace fsc
