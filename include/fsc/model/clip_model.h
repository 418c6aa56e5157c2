// CLIP as torch::nn modules whose parameters carry open_clip's state-dict names and shapes.
// Shape suffixes: B images, R texts, T text tokens, P patches, D embedding size.
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <string>
#include <vector>

#include "fsc/core/state_dict.h"
#include "fsc/model/arch_config.h"

namespace fsc {

struct EncodedImages {
  torch::Tensor features_BD;  ///< normalise(ln_post(x)[CLS] . proj)
  torch::Tensor tokens_BPD;   ///< ln_post(x)[patches] . proj, un-normalised; undefined unless asked for
};
struct EncodedTexts {
  torch::Tensor features_RD;  ///< normalise(ln_final(x)[EOT] . text_projection)
  torch::Tensor tokens_RTD;   ///< ln_final(x) . text_projection, un-normalised; undefined unless asked for
};

class VisionTransformerImpl;
class TransformerImpl;

class ClipModelImpl : public torch::nn::Module {
 public:
  explicit ClipModelImpl(const ArchConfig& arch);

  /// images float [B,3,S,S], S = arch().vision.image_size.
  EncodedImages encode_images(const torch::Tensor& images_B3SS, bool with_tokens = false);
  /// ids int64 [R,T], T <= context length, padded with 0; EOT is the position of the largest id (open_clip's argmax pooling).
  EncodedTexts encode_texts(const torch::Tensor& ids_RT, bool with_tokens = false);

  /// exp(logit_scale), with gradient.
  torch::Tensor scale() const { return logit_scale.exp(); }
  /// logit_scale into [0, ln 100]; called after each step.
  void clamp_logit_scale();
  /// open_clip's initialisation, drawn from a generator seeded with `seed` (the same on every machine and thread count).
  void initialize(uint64_t seed);
  /// Recompute blocks in the backward pass instead of keeping their activations.
  void set_grad_checkpointing(bool on);

  const ArchConfig& arch() const { return arch_; }
  int64_t parameter_count() const;

  torch::Tensor logit_scale;

 private:
  ArchConfig arch_;
  std::shared_ptr<VisionTransformerImpl> visual_;
  std::shared_ptr<TransformerImpl> transformer_;
  torch::nn::ModuleHolder<torch::nn::EmbeddingImpl> token_embedding_{nullptr};
  torch::Tensor positional_embedding_, text_projection_;
  std::shared_ptr<torch::nn::LayerNormImpl> ln_final_;
};
TORCH_MODULE(ClipModel);

/// All parameters in registration order (open_clip's names), sharing storage with the model.
StateDict state_dict(const ClipModelImpl& model);

/// Copies `state` into the model (dtype converted to float32). Position embeddings of another grid are interpolated as open_clip does it
/// (bicubic, antialiased) and said in the returned notes. Error lists missing and unexpected names and wrong shapes: the first
/// ten and the count; and names a tensor that holds NaN or Inf. `source` is named in errors. Buffers open_clip saves
/// besides (attn_mask) are ignored.
std::vector<std::string> load_state(ClipModelImpl& model, const StateDict& state, const std::string& source);

}  // namespace fsc
