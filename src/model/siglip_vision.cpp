// SigLIP's image tower as timm builds it: no class token, the feature is pooled by attention.
#include "model/detail_modules.h"

namespace fsc {

using torch::Tensor;

namespace {
constexpr BranchSite kPooling{Tower::kImage, BranchSite::Kind::kAttention};
}

AttentionPoolImpl::AttentionPoolImpl(int64_t width, int64_t heads, int64_t mlp_hidden, Activation activation, double norm_eps)
    : heads_(heads),
      latent_(register_parameter("latent", new_weight({1, 1, width}))),
      q_(register_module("q", std::make_shared<LinearImpl>(width, width, kPooling))),
      kv_(register_module("kv", std::make_shared<LinearImpl>(width, 2 * width, kPooling))),
      proj_(register_module("proj", std::make_shared<LinearImpl>(width, width, kPooling))),
      norm_(register_module("norm", std::make_shared<LayerNormImpl>(width, norm_eps))),
      mlp_(register_module("mlp", std::make_shared<MlpImpl>(width, mlp_hidden, activation, kPooling, Naming::kTimm))) {}

Tensor AttentionPoolImpl::keys_and_values(const Tensor& x_NLW) const {
  return kv_->forward(x_NLW).view({x_NLW.size(0), x_NLW.size(1), 2, x_NLW.size(2)});
}

Tensor AttentionPoolImpl::pooled(const Tensor& kv_NL2W) const {
  const int64_t n = kv_NL2W.size(0), length = kv_NL2W.size(1), width = kv_NL2W.size(3), head = width / heads_;
  const auto kv = kv_NL2W.view({n, length, 2, heads_, head}).permute({2, 0, 3, 1, 4}).unbind(0);
  const Tensor query = q_->forward(latent_.expand({n, 1, width})).view({n, 1, heads_, head}).transpose(1, 2);
  return at::scaled_dot_product_attention(query, kv[0], kv[1]).transpose(1, 2).reshape({n, width});
}

Tensor AttentionPoolImpl::finish(const Tensor& mixed) const {
  const Tensor x = proj_->forward(mixed);
  return x + mlp_->forward(norm_->forward(x));
}

std::pair<Tensor, Tensor> AttentionPoolImpl::with_tokens(const Tensor& x_NLW) const {
  const Tensor kv_NL2W = keys_and_values(x_NLW);
  // A softmax over one position is 1, so that position's values are what the head would mix.
  return {finish(pooled(kv_NL2W)), finish(kv_NL2W.select(2, 1))};
}

SiglipVisionImpl::SiglipVisionImpl(const ArchConfig& arch) {
  const VisionConfig& vision = arch.vision;
  const BlockConfig block{.tower = Tower::kImage,
                          .width = vision.width,
                          .heads = vision.heads(),
                          .mlp_hidden = mlp_hidden(vision),
                          .activation = vision.gelu_tanh ? Activation::kGeluTanh : Activation::kGelu,
                          .norm_eps = vision.norm_eps(),
                          .naming = Naming::kTimm};
  const auto trunk = register_module("trunk", std::make_shared<torch::nn::Module>("trunk"));
  pos_embed_ = trunk->register_parameter("pos_embed", new_weight({1, vision.grid() * vision.grid(), vision.width}));
  const auto patches = trunk->register_module("patch_embed", std::make_shared<torch::nn::Module>("patch_embed"));
  patch_embed_ = patches->register_module("proj", std::make_shared<PatchEmbeddingImpl>(vision.width, vision.patch_size, true));
  transformer_ = trunk->register_module("blocks", std::make_shared<TransformerImpl>(vision.layers, block));
  norm_ = trunk->register_module("norm", std::make_shared<LayerNormImpl>(vision.width, block.norm_eps));
  attn_pool_ = trunk->register_module("attn_pool", std::make_shared<AttentionPoolImpl>(block.width, block.heads, block.mlp_hidden,
                                                                                       block.activation, block.norm_eps));
}

EncodedImages SiglipVisionImpl::encode(const Tensor& images_N3SS, bool with_tokens) const {
  // Under autocast the sum with the position embedding makes this tower's residual stream float32, as in timm.
  const Tensor x_NPW = norm_->forward(transformer_->forward(patch_embed_->forward(images_N3SS) + pos_embed_));
  EncodedImages out;
  if (with_tokens)
    std::tie(out.features_BD, out.tokens_BPD) = attn_pool_->with_tokens(x_NPW);
  else
    out.features_BD = attn_pool_->forward(x_NPW);
  out.features_BD = unit_rows(out.features_BD);
  return out;
}

}  // namespace fsc
