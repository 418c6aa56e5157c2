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

Sequences TextTower::sequences_of(const TextRows& texts) const {
  Sequences sequences = texts.sequences;
  const bool whole = sequences.is_uniform() && sequences.longest == config_.context_length;
  TORCH_CHECK(sequences.longest <= config_.context_length, "a text of ", sequences.longest, " tokens, the context has ",
              config_.context_length);
  TORCH_CHECK(whole || !(config_.no_causal_mask || config_.pool_type == TextPool::kLast), "texts of up to ", sequences.longest,
              " tokens, this tower takes all ", config_.context_length, " of its context: the padding has a part in the feature");
  sequences.causal = !config_.no_causal_mask;
  return sequences;
}

EncodedTexts TextTower::encode(const TextRows& texts, bool with_tokens) const {
  const Sequences sequences = sequences_of(texts);
  Tensor x_MW = token_embedding_->forward(texts.ids_M) + at::embedding(positional_embedding_, texts.positions_M);
  x_MW = ln_final_->forward(transformer_->forward(x_MW, sequences));
  const Tensor pooled_R = config_.pool_type == TextPool::kLast ? (texts.sequence_R + 1) * sequences.longest - 1 : texts.eot_R;
  EncodedTexts out;
  out.features_RD = unit_rows(project(x_MW.index_select(0, pooled_R)));
  if (with_tokens) out.tokens_VD = project(x_MW).index_select(0, texts.tokens_V);
  return out;
}

}  // namespace fsc
