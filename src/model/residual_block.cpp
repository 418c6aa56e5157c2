// Attention, MLP and their residual sums; the transformer is a stack of them.
#include "model/detail_modules.h"
#include "model/detail_recompute.h"

namespace fsc {

using torch::Tensor;

LinearImpl::LinearImpl(int64_t in, int64_t out, const BranchSite& site)
    : AdaptableImpl(site),
      weight(register_parameter("weight", new_weight({out, in}))),
      bias(register_parameter("bias", new_weight({out}))) {}

LayerNormImpl::LayerNormImpl(int64_t width, double eps)
    : weight(register_parameter("weight", torch::ones({width}))),
      bias(register_parameter("bias", new_weight({width}))),
      eps_(eps) {}

Tensor LayerNormImpl::forward(const Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps_).to(x.scalar_type());
}

PatchEmbeddingImpl::PatchEmbeddingImpl(int64_t width, int64_t patch_size, bool with_bias)
    : AdaptableImpl({Tower::kImage, BranchSite::Kind::kConv1}),
      weight(register_parameter("weight", new_weight({width, 3, patch_size, patch_size}))),
      patch_size_(patch_size) {
  if (with_bias) bias = register_parameter("bias", new_weight({width}));
}

Tensor PatchEmbeddingImpl::forward(const Tensor& images_N3SS) const {
  // The branch is added to the weight, as the reference does: A and B are no convolutions.
  const Tensor kernel = is_adapted() ? weight + low_rank_weight() : weight;
  return at::conv2d(images_N3SS, kernel, bias, patch_size_).flatten(2).transpose(1, 2);
}

EmbeddingImpl::EmbeddingImpl(int64_t rows, int64_t width) : weight(register_parameter("weight", new_weight({rows, width}))) {}

LayerScaleImpl::LayerScaleImpl(int64_t width) : gamma(register_parameter("gamma", new_weight({width}))) {}

AttentionImpl::AttentionImpl(int64_t width, int64_t heads, Tower tower, Naming naming)
    : AdaptableImpl({tower, BranchSite::Kind::kAttention, /*packed=*/true}), heads_(heads) {
  const BranchSite projection{tower, BranchSite::Kind::kAttention};
  if (naming == Naming::kTimm) {
    qkv_ = register_module("qkv", std::make_shared<LinearImpl>(width, 3 * width, projection));
  } else {
    in_proj_weight = register_parameter("in_proj_weight", new_weight({3 * width, width}));
    in_proj_bias = register_parameter("in_proj_bias", new_weight({3 * width}));
  }
  out_proj_ =
      register_module(naming == Naming::kTimm ? "proj" : "out_proj", std::make_shared<LinearImpl>(width, width, projection));
}

Tensor AttentionImpl::packed(const Tensor& x_MW, const Before& before) const {
  return qkv_ ? qkv_->forward(x_MW, before) : adaptable_linear(before, x_MW, in_proj_weight, in_proj_bias, *this);
}

Tensor AttentionImpl::forward(const Tensor& x_MW, const Sequences& sequences, const Before& before) const {
  return out_proj_->forward(attention(packed(x_MW, before), sequences, heads_));
}

MlpImpl::MlpImpl(int64_t width, int64_t hidden, Activation activation, const BranchSite& site, Naming naming)
    : c_fc_(register_module(naming == Naming::kTimm ? "fc1" : "c_fc", std::make_shared<LinearImpl>(width, hidden, site))),
      c_proj_(register_module(naming == Naming::kTimm ? "fc2" : "c_proj", std::make_shared<LinearImpl>(hidden, width, site))),
      activation_(activation) {}

Tensor MlpImpl::forward(const Tensor& x, const Before& before) const {
  return c_proj_->forward(c_fc_->forward(x, before), [activation = activation_](const Tensor& hidden) {
    if (activation == Activation::kQuickGelu) return hidden * at::sigmoid(1.702 * hidden);
    return at::gelu(hidden, activation == Activation::kGeluTanh ? "tanh" : "none");
  });
}

ResidualBlockImpl::ResidualBlockImpl(const BlockConfig& config) {
  // Registration order is the order of open_clip's state dict.
  const bool timm = config.naming == Naming::kTimm;
  const auto norm = [&] { return std::make_shared<LayerNormImpl>(config.width, config.norm_eps); };
  ln_1_ = register_module(timm ? "norm1" : "ln_1", norm());
  attn_ = register_module("attn", std::make_shared<AttentionImpl>(config.width, config.heads, config.tower, config.naming));
  if (config.layer_scale) ls_1_ = register_module("ls_1", std::make_shared<LayerScaleImpl>(config.width));
  ln_2_ = register_module(timm ? "norm2" : "ln_2", norm());
  const BranchSite linear{config.tower, BranchSite::Kind::kLinear};
  mlp_ = register_module("mlp",
                         std::make_shared<MlpImpl>(config.width, config.mlp_hidden, config.activation, linear, config.naming));
  if (config.layer_scale) ls_2_ = register_module("ls_2", std::make_shared<LayerScaleImpl>(config.width));
}

Tensor ResidualBlockImpl::forward(const Tensor& x_MW, const Sequences& sequences) const {
  Tensor branch = attn_->forward(x_MW, sequences, [norm = ln_1_](const Tensor& x) { return norm->forward(x); });
  const Tensor x = x_MW + (ls_1_ ? ls_1_->forward(branch) : branch);
  branch = mlp_->forward(x, [norm = ln_2_](const Tensor& in) { return norm->forward(in); });
  return x + (ls_2_ ? ls_2_->forward(branch) : branch);
}

TransformerImpl::TransformerImpl(int64_t layers, const BlockConfig& config) {
  const auto add_blocks = [&](torch::nn::Module& list) {
    for (int64_t i = 0; i < layers; ++i)
      blocks_.push_back(list.register_module(std::to_string(i), std::make_shared<ResidualBlockImpl>(config)));
  };
  if (config.naming == Naming::kTimm)
    add_blocks(*this);
  else
    add_blocks(*register_module("resblocks", std::make_shared<torch::nn::Module>("resblocks")));
}

Tensor TransformerImpl::forward(Tensor x_MW, const Sequences& sequences) const {
  for (const auto& block : blocks_) {
    x_MW = grad_checkpointing_ ? detail::recomputed([block, sequences](const Tensor& x) { return block->forward(x, sequences); },
                                                    x_MW, block->parameters())
                               : block->forward(x_MW, sequences);
  }
  return x_MW;
}

Tensor TransformerImpl::forward(const Tensor& x_NLW) const {
  return forward(x_NLW.flatten(0, 1), Sequences::uniform(x_NLW.size(0), x_NLW.size(1))).view(x_NLW.sizes());
}

}  // namespace fsc
