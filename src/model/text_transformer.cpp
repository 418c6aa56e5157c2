// The text tower: CLIP's is causal and pooled at the end-of-text token, SigLIP's sees both ways and is pooled at the last one.
#include "model/detail_modules.h"

namespace fsc {

using torch::Tensor;

TextTower::TextTower(torch::nn::Module& owner, const ArchConfig& arch) : config_(arch.text) {
  const BlockConfig block{.tower = Tower::kText,
                          .width = config_.width,
                          .heads = config_.heads,
                          .mlp_hidden = mlp_hidden(config_),
                          .activation = arch.quick_gelu     ? Activation::kQuickGelu
                                        : config_.gelu_tanh ? Activation::kGeluTanh
                                                            : Activation::kGelu,
                          .layer_scale = config_.ls_init_value.has_value(),
                          .causal = !config_.no_causal_mask,
                          .norm_eps = config_.norm_eps};
  // Registration order is the order of open_clip's state dict, which differs between its two classes of models.
  const auto add_embedding = [&] {
    token_embedding_ =
        owner.register_module("token_embedding", std::make_shared<EmbeddingImpl>(config_.vocab_size, config_.width));
  };
  positional_embedding_ = owner.register_parameter("positional_embedding", new_weight({config_.context_length, config_.width}));
  if (!config_.proj_bias)
    text_projection_ = owner.register_parameter("text_projection", new_weight({config_.width, arch.embed_dim}));
  if (arch.custom_text) add_embedding();
  transformer_ = owner.register_module("transformer", std::make_shared<TransformerImpl>(config_.layers, block));
  if (!arch.custom_text) add_embedding();
  ln_final_ = owner.register_module("ln_final", std::make_shared<LayerNormImpl>(config_.width, config_.norm_eps));
  if (config_.proj_bias)
    projection_ = owner.register_module(
        "text_projection",
        std::make_shared<LinearImpl>(config_.width, arch.embed_dim, BranchSite{Tower::kText, BranchSite::Kind::kLinear}));
}

Tensor TextTower::project(const Tensor& x) const {
  return projection_ ? projection_->forward(x) : at::matmul(x, text_projection_);
}

EncodedTexts TextTower::encode(const Tensor& ids_RT, bool with_tokens) const {
  TORCH_CHECK(ids_RT.dim() == 2 && ids_RT.scalar_type() == torch::kInt64, "token ids must be int64 [R,T]");
  const int64_t rows = ids_RT.size(0), length = ids_RT.size(1);
  TORCH_CHECK(length <= config_.context_length, length, " tokens, the context has ", config_.context_length);
  TORCH_CHECK(length == config_.context_length || !config_.no_causal_mask, length, " tokens, this tower takes all ",
              config_.context_length, " of its context: the padding has a part in the feature");
  Tensor x_RTW = token_embedding_->forward(ids_RT) + positional_embedding_.slice(0, 0, length);
  x_RTW = ln_final_->forward(transformer_->forward(x_RTW));
  // CLIP's end-of-text token has the largest id of the vocabulary.
  const Tensor pooled_RW = config_.pool_type == TextPool::kLast
                               ? x_RTW.select(1, length - 1)
                               : x_RTW.index({torch::arange(rows, ids_RT.device()), ids_RT.argmax(-1)});
  EncodedTexts out;
  out.features_RD = unit_rows(project(pooled_RW));
  if (with_tokens) out.tokens_RTD = project(x_RTW);
  return out;
}

}  // namespace fsc
