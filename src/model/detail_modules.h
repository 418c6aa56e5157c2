// The building blocks of both towers, with open_clip's parameter names.
// Shape suffixes: N images, L positions of an image, M tokens of all sequences (images or texts), W width, S image size, P
// patches.
#pragma once
#include <torch/nn/module.h>
#include <torch/types.h>

#include <memory>
#include <utility>
#include <vector>

#include "fsc/kernels/attention.h"
#include "fsc/model/arch_config.h"
#include "fsc/model/clip_model.h"
#include "model/detail_low_rank.h"

namespace fsc {

/// A parameter's first value: zeros, or memory as it comes under UninitializedWeights.
torch::Tensor new_weight(at::IntArrayRef shape);

/// weight [out, in], bias [out].
class LinearImpl : public AdaptableImpl {
 public:
  LinearImpl(int64_t in, int64_t out, const BranchSite& site);
  torch::Tensor forward(const torch::Tensor& x, const Before& before = {}) const {
    return adaptable_linear(before, x, weight, bias, *this);
  }
  torch::Tensor adaptable_weight() const override { return weight; }
  torch::Tensor weight, bias;
};

/// Normalises the last axis and returns the input's dtype also where autocast computes in float32.
class LayerNormImpl : public torch::nn::Module {
 public:
  explicit LayerNormImpl(int64_t width, double eps = 1e-5);
  torch::Tensor forward(const torch::Tensor& x) const;
  torch::Tensor weight, bias;

 private:
  double eps_;
};

/// Patches as tokens: a convolution whose stride is its kernel. images [N,3,S,S] -> [N,P,W]. weight [W,3,p,p], bias [W] or none.
class PatchEmbeddingImpl : public AdaptableImpl {
 public:
  PatchEmbeddingImpl(int64_t width, int64_t patch_size, bool with_bias);
  torch::Tensor forward(const torch::Tensor& images_N3SS) const;
  torch::Tensor adaptable_weight() const override { return weight; }
  torch::Tensor weight, bias;  ///< bias undefined without

 private:
  int64_t patch_size_;
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

/// Whose parameter names a block has: open_clip's (resblocks, ln_1, attn.in_proj_weight, mlp.c_fc) or timm's (blocks, norm1,
/// attn.qkv, mlp.fc1).
enum class Naming { kOpenClip, kTimm };

/// Multi-head self-attention with one packed projection for queries, keys and values.
class AttentionImpl : public AdaptableImpl {
 public:
  AttentionImpl(int64_t width, int64_t heads, Tower tower, Naming naming = Naming::kOpenClip);
  /// Attends among before(x).
  torch::Tensor forward(const torch::Tensor& x_MW, const Sequences& sequences, const Before& before = {}) const;
  torch::Tensor adaptable_weight() const override { return in_proj_weight; }
  torch::Tensor in_proj_weight, in_proj_bias;  ///< [3W, W], [3W]; undefined with timm's names, where qkv is a Linear

 private:
  torch::Tensor packed(const torch::Tensor& x_MW, const Before& before) const;
  int64_t heads_;
  std::shared_ptr<LinearImpl> qkv_, out_proj_;
};

enum class Activation { kGelu, kGeluTanh, kQuickGelu };

class MlpImpl : public torch::nn::Module {
 public:
  MlpImpl(int64_t width, int64_t hidden, Activation activation, const BranchSite& site, Naming naming = Naming::kOpenClip);
  torch::Tensor forward(const torch::Tensor& x, const Before& before = {}) const;

 private:
  std::shared_ptr<LinearImpl> c_fc_, c_proj_;
  Activation activation_;
};

struct BlockConfig {
  Tower tower = Tower::kNone;
  int64_t width = 0, heads = 0, mlp_hidden = 0;
  Activation activation = Activation::kGelu;
  bool layer_scale = false;
  double norm_eps = 1e-5;
  Naming naming = Naming::kOpenClip;
};

/// x + ls_1(attn(ln_1(x))), then + ls_2(mlp(ln_2(x))).
class ResidualBlockImpl : public torch::nn::Module {
 public:
  explicit ResidualBlockImpl(const BlockConfig& config);
  torch::Tensor forward(const torch::Tensor& x_MW, const Sequences& sequences) const;

 private:
  std::shared_ptr<LayerNormImpl> ln_1_, ln_2_;
  std::shared_ptr<AttentionImpl> attn_;
  std::shared_ptr<MlpImpl> mlp_;
  std::shared_ptr<LayerScaleImpl> ls_1_, ls_2_;  ///< null without LayerScale
};

/// A stack of blocks, named resblocks.N (timm: N).
class TransformerImpl : public torch::nn::Module {
 public:
  TransformerImpl(int64_t layers, const BlockConfig& config);
  torch::Tensor forward(torch::Tensor x_MW, const Sequences& sequences) const;
  /// The same on N sequences of L tokens each.
  torch::Tensor forward(const torch::Tensor& x_NLW) const;
  void set_grad_checkpointing(bool on) { grad_checkpointing_ = on; }

 private:
  std::vector<std::shared_ptr<ResidualBlockImpl>> blocks_;
  bool grad_checkpointing_ = false;
};

/// What all image towers have in common.
class ImageTowerImpl : public torch::nn::Module {
 public:
  /// images float [N,3,S,S].
  virtual EncodedImages encode(const torch::Tensor& images_N3SS, bool with_tokens) const = 0;
  void set_grad_checkpointing(bool on) { transformer_->set_grad_checkpointing(on); }
  TransformerImpl& transformer() const { return *transformer_; }

 protected:
  std::shared_ptr<TransformerImpl> transformer_;
};

/// open_clip's VisionTransformer: a class token, pooled there.
class VisionTransformerImpl : public ImageTowerImpl {
 public:
  explicit VisionTransformerImpl(const ArchConfig& arch);
  EncodedImages encode(const torch::Tensor& images_N3SS, bool with_tokens) const override;

 private:
  torch::Tensor class_embedding_, positional_embedding_, proj_;
  std::shared_ptr<PatchEmbeddingImpl> conv1_;
  std::shared_ptr<LayerNormImpl> ln_pre_, ln_post_;
};

/// Pooling by one learned query that attends to all positions, then a residual MLP (timm's AttentionPoolLatent).
class AttentionPoolImpl : public torch::nn::Module {
 public:
  AttentionPoolImpl(int64_t width, int64_t heads, int64_t mlp_hidden, Activation activation, double norm_eps);
  /// [N,L,W] -> the pooled feature [N,W].
  torch::Tensor forward(const torch::Tensor& x_NLW) const { return finish(pooled(keys_and_values(x_NLW))); }
  /// The feature, and for every position what the head gives when all its attention lies there: [N,W] and [N,L,W].
  std::pair<torch::Tensor, torch::Tensor> with_tokens(const torch::Tensor& x_NLW) const;

 private:
  torch::Tensor keys_and_values(const torch::Tensor& x_NLW) const;
  torch::Tensor pooled(const torch::Tensor& kv_NL2W) const;
  torch::Tensor finish(const torch::Tensor& mixed) const;
  int64_t heads_;
  torch::Tensor latent_;
  std::shared_ptr<LinearImpl> q_, kv_, proj_;
  std::shared_ptr<LayerNormImpl> norm_;
  std::shared_ptr<MlpImpl> mlp_;
};

/// SigLIP's image tower with timm's names (trunk.*).
class SiglipVisionImpl : public ImageTowerImpl {
 public:
  explicit SiglipVisionImpl(const ArchConfig& arch);
  EncodedImages encode(const torch::Tensor& images_N3SS, bool with_tokens) const override;

 private:
  torch::Tensor pos_embed_;
  std::shared_ptr<PatchEmbeddingImpl> patch_embed_;
  std::shared_ptr<LayerNormImpl> norm_;
  std::shared_ptr<AttentionPoolImpl> attn_pool_;
};

/// The text tower of both kinds. It is no module itself: open_clip keeps its parameters at the model's root, or under text.*.
class TextTower {
 public:
  /// Registers everything in `owner`.
  TextTower(torch::nn::Module& owner, const ArchConfig& arch);
  EncodedTexts encode(const TextRows& texts, bool with_tokens) const;
  TransformerImpl& transformer() const { return *transformer_; }

 private:
  torch::Tensor project(const torch::Tensor& x) const;
  /// Which tokens of `texts` see which in this tower. A bug when they are packed for another (TORCH_CHECK).
  Sequences sequences_of(const TextRows& texts) const;
  TextConfig config_;
  torch::Tensor positional_embedding_, text_projection_;
  std::shared_ptr<EmbeddingImpl> token_embedding_;
  std::shared_ptr<TransformerImpl> transformer_;
  std::shared_ptr<LayerNormImpl> ln_final_;
  std::shared_ptr<LinearImpl> projection_;  ///< text_projection where it has a bias
};

/// x / max(|x|, 1e-12) over the last axis, operation by operation as PyTorch's F.normalize.
inline torch::Tensor unit_rows(const torch::Tensor& x) { return x / x.norm(2, {-1}, /*keepdim=*/true).clamp_min(1e-12); }

/// Units of an MLP's hidden layer; the product is cut, not rounded, as open_clip and timm do it.
template <class Tower>
int64_t mlp_hidden(const Tower& tower) {
  return static_cast<int64_t>(static_cast<double>(tower.width) * tower.mlp_ratio);
}

}  // namespace fsc
