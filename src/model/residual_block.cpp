// Attention, MLP and their residual sums; the transformer is a stack of them.
#include "model/detail_checkpoint.h"
#include "model/detail_modules.h"

namespace fsc {

using torch::Tensor;

LinearImpl::LinearImpl(int64_t in, int64_t out)
    : weight(register_parameter("weight", torch::zeros({out, in}))), bias(register_parameter("bias", torch::zeros({out}))) {}

LayerNormImpl::LayerNormImpl(int64_t width)
    : weight(register_parameter("weight", torch::ones({width}))), bias(register_parameter("bias", torch::zeros({width}))) {}

Tensor LayerNormImpl::forward(const Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, 1e-5).to(x.scalar_type());
}

EmbeddingImpl::EmbeddingImpl(int64_t rows, int64_t width) : weight(register_parameter("weight", torch::zeros({rows, width}))) {}

LayerScaleImpl::LayerScaleImpl(int64_t width) : gamma(register_parameter("gamma", torch::zeros({width}))) {}

AttentionImpl::AttentionImpl(int64_t width, int64_t heads)
    : in_proj_weight(register_parameter("in_proj_weight", torch::zeros({3 * width, width}))),
      in_proj_bias(register_parameter("in_proj_bias", torch::zeros({3 * width}))),
      heads_(heads),
      out_proj_(register_module("out_proj", std::make_shared<LinearImpl>(width, width))) {}

Tensor AttentionImpl::forward(const Tensor& x_NLW, bool causal) const {
  const int64_t n = x_NLW.size(0), length = x_NLW.size(1), width = x_NLW.size(2);
  const Tensor packed = at::linear(x_NLW, in_proj_weight, in_proj_bias).view({n, length, 3, heads_, width / heads_});
  const auto qkv = packed.permute({2, 0, 3, 1, 4}).unbind(0);  // each [N, heads, L, W / heads]
  const Tensor mixed = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], {}, 0.0, causal);
  return out_proj_->forward(mixed.transpose(1, 2).reshape({n, length, width}));
}

MlpImpl::MlpImpl(int64_t width, int64_t hidden, bool quick_gelu)
    : c_fc_(register_module("c_fc", std::make_shared<LinearImpl>(width, hidden))),
      c_proj_(register_module("c_proj", std::make_shared<LinearImpl>(hidden, width))),
      quick_gelu_(quick_gelu) {}

Tensor MlpImpl::forward(const Tensor& x) const {
  const Tensor hidden = c_fc_->forward(x);
  return c_proj_->forward(quick_gelu_ ? hidden * at::sigmoid(1.702 * hidden) : at::gelu(hidden));
}

ResidualBlockImpl::ResidualBlockImpl(const BlockConfig& config) : causal_(config.causal) {
  // Registration order is the order of open_clip's state dict.
  ln_1_ = register_module("ln_1", std::make_shared<LayerNormImpl>(config.width));
  attn_ = register_module("attn", std::make_shared<AttentionImpl>(config.width, config.heads));
  if (config.layer_scale) ls_1_ = register_module("ls_1", std::make_shared<LayerScaleImpl>(config.width));
  ln_2_ = register_module("ln_2", std::make_shared<LayerNormImpl>(config.width));
  mlp_ = register_module("mlp", std::make_shared<MlpImpl>(config.width, config.mlp_hidden, config.quick_gelu));
  if (config.layer_scale) ls_2_ = register_module("ls_2", std::make_shared<LayerScaleImpl>(config.width));
}

Tensor ResidualBlockImpl::forward(const Tensor& x_NLW) const {
  Tensor branch = attn_->forward(ln_1_->forward(x_NLW), causal_);
  const Tensor x = x_NLW + (ls_1_ ? ls_1_->forward(branch) : branch);
  branch = mlp_->forward(ln_2_->forward(x));
  return x + (ls_2_ ? ls_2_->forward(branch) : branch);
}

TransformerImpl::TransformerImpl(int64_t layers, const BlockConfig& config) {
  const auto list = register_module("resblocks", std::make_shared<torch::nn::Module>("resblocks"));
  for (int64_t i = 0; i < layers; ++i)
    blocks_.push_back(list->register_module(std::to_string(i), std::make_shared<ResidualBlockImpl>(config)));
}

Tensor TransformerImpl::forward(Tensor x_NLW) const {
  for (const auto& block : blocks_) {
    x_NLW = grad_checkpointing_
                ? detail::checkpoint([block](const Tensor& x) { return block->forward(x); }, x_NLW, block->parameters())
                : block->forward(x_NLW);
  }
  return x_NLW;
}

}  // namespace fsc
