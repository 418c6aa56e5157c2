// The building blocks of both towers, with open_clip's parameter names.
// Shape suffixes: N sequences (images or texts), L positions in a sequence, W width, S image size, P patches.
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <memory>
#include <optional>
#include <vector>

#include "fsc/model/arch_config.h"

namespace fsc {

/// weight [out, in], bias [out].
class LinearImpl : public torch::nn::Module {
 public:
  LinearImpl(int64_t in, int64_t out);
  torch::Tensor forward(const torch::Tensor& x) const { return at::linear(x, weight, bias); }
  torch::Tensor weight, bias;
};

/// Normalises the last axis (eps 1e-5) and returns the input's dtype also where autocast computes in float32.
class LayerNormImpl : public torch::nn::Module {
 public:
  explicit LayerNormImpl(int64_t width);
  torch::Tensor forward(const torch::Tensor& x) const;
  torch::Tensor weight, bias;
};

/// weight [rows, width].
class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(int64_t rows, int64_t width);
  torch::Tensor forward(const torch::Tensor& ids) const { return at::embedding(weight, ids); }
  torch::Tensor weight;
};

/// A factor per channel, gamma [W].
class LayerScaleImpl : public torch::nn::Module {
 public:
  explicit LayerScaleImpl(int64_t width);
  torch::Tensor forward(const torch::Tensor& x) const { return x * gamma; }
  torch::Tensor gamma;
};

/// Multi-head self-attention with one packed projection for queries, keys and values.
class AttentionImpl : public torch::nn::Module {
 public:
  AttentionImpl(int64_t width, int64_t heads);
  torch::Tensor forward(const torch::Tensor& x_NLW, bool causal) const;
  torch::Tensor in_proj_weight, in_proj_bias;  ///< [3W, W], [3W]

 private:
  int64_t heads_;
  std::shared_ptr<LinearImpl> out_proj_;
};

class MlpImpl : public torch::nn::Module {
 public:
  MlpImpl(int64_t width, int64_t hidden, bool quick_gelu);
  torch::Tensor forward(const torch::Tensor& x) const;

 private:
  std::shared_ptr<LinearImpl> c_fc_, c_proj_;
  bool quick_gelu_;
};

struct BlockConfig {
  int64_t width = 0, heads = 0, mlp_hidden = 0;
  bool quick_gelu = false, layer_scale = false, causal = false;
};

/// x + ls_1(attn(ln_1(x))), then + ls_2(mlp(ln_2(x))).
class ResidualBlockImpl : public torch::nn::Module {
 public:
  explicit ResidualBlockImpl(const BlockConfig& config);
  torch::Tensor forward(const torch::Tensor& x_NLW) const;

 private:
  bool causal_;
  std::shared_ptr<LayerNormImpl> ln_1_, ln_2_;
  std::shared_ptr<AttentionImpl> attn_;
  std::shared_ptr<MlpImpl> mlp_;
  std::shared_ptr<LayerScaleImpl> ls_1_, ls_2_;  ///< null without LayerScale
};

/// A stack of blocks, named resblocks.N.
class TransformerImpl : public torch::nn::Module {
 public:
  TransformerImpl(int64_t layers, const BlockConfig& config);
  torch::Tensor forward(torch::Tensor x_NLW) const;
  void set_grad_checkpointing(bool on) { grad_checkpointing_ = on; }

 private:
  std::vector<std::shared_ptr<ResidualBlockImpl>> blocks_;
  bool grad_checkpointing_ = false;
};

class VisionTransformerImpl : public torch::nn::Module {
 public:
  explicit VisionTransformerImpl(const ArchConfig& arch);
  /// images float [N,3,S,S] -> ln_post of all positions [N,1+P,W]; position 0 is the class token.
  torch::Tensor forward(const torch::Tensor& images_N3SS) const;
  const torch::Tensor& proj() const { return proj_; }
  void set_grad_checkpointing(bool on) { transformer_->set_grad_checkpointing(on); }

 private:
  int64_t patch_size_;
  torch::Tensor class_embedding_, positional_embedding_, proj_, conv1_weight_;
  std::shared_ptr<LayerNormImpl> ln_pre_, ln_post_;
  std::shared_ptr<TransformerImpl> transformer_;
};

/// x / max(|x|, 1e-12) over the last axis, operation by operation as PyTorch's F.normalize.
inline torch::Tensor unit_rows(const torch::Tensor& x) { return x / x.norm(2, {-1}, /*keepdim=*/true).clamp_min(1e-12); }

/// Block settings of one tower.
template <class Tower>
BlockConfig block_config(const Tower& tower, int64_t heads, bool quick_gelu, bool causal) {
  // The product is cut, not rounded, as open_clip does it.
  const auto hidden = static_cast<int64_t>(static_cast<double>(tower.width) * tower.mlp_ratio);
  return {tower.width, heads, hidden, quick_gelu, tower.ls_init_value.has_value(), causal};
}

}  // namespace fsc
