// CLIP as torch::nn modules whose parameters carry open_clip's state-dict names and shapes.
// Shape suffixes: B images, R texts, V their valid tokens, P patches, D embedding size.
#pragma once
#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <memory>
#include <string>
#include <vector>

#include "fsc/model/arch_config.h"
#include "fsc/tensor/state_dict.h"
#include "fsc/tensor/text_rows.h"

namespace fsc {

struct EncodedImages {
  torch::Tensor features_BD;  ///< normalise(ln_post(x)[CLS] . proj); SigLIP: normalise(head(x))
  torch::Tensor tokens_BPD;   ///< ln_post(x)[patches] . proj; SigLIP: the head with all attention on one patch; un-normalised,
                              ///< undefined unless asked for
};
struct EncodedTexts {
  torch::Tensor features_RD;  ///< normalise(ln_final(x)[EOT] . text_projection); SigLIP: at the last position of the context
  torch::Tensor tokens_VD;    ///< ln_final(x) . text_projection of the valid tokens, text by text (TextRows::offsets_R1 has their
                              ///< places), un-normalised; undefined unless asked for
};

class ImageTowerImpl;
class TextTower;

/// While one lives, this thread builds models without touching the memory of their weights: big ones cost nothing until they
/// are loaded. Until then the weights are undefined.
class UninitializedWeights {
 public:
  UninitializedWeights();
  ~UninitializedWeights();
  UninitializedWeights(const UninitializedWeights&) = delete;
  UninitializedWeights& operator=(const UninitializedWeights&) = delete;

 private:
  bool before_;
};

/// Under autocast the towers compute what open_clip's do: the image tower's residual stream takes the lower precision (its
/// features and tokens too), the text tower's stays float32 (its features and tokens are of the lower precision).
class ClipModelImpl : public torch::nn::Module {
 public:
  /// Weights are zero until initialize() or load_state() (but see UninitializedWeights).
  explicit ClipModelImpl(const ArchConfig& arch);

  /// images float [B,3,S,S], S = arch().vision.image_size.
  EncodedImages encode_images(const torch::Tensor& images_B3SS, bool with_tokens = false);
  /// CLIP: texts as they are, of at most the context length; EOT is the first token with the largest id (open_clip's argmax
  /// pooling). SigLIP: texts padded to the context length (TextLayout::width), since the padding has a part in the feature.
  EncodedTexts encode_texts(const TextRows& texts, bool with_tokens = false);

  /// exp(logit_scale), with gradient.
  torch::Tensor scale() const { return logit_scale.exp(); }
  /// logit_scale into [0, ln 100]; called after each step.
  void clamp_logit_scale();
  /// open_clip's initialisation, drawn from a generator seeded with `seed` (the same on every machine and thread count).
  void initialize(uint64_t seed);
  /// Recompute blocks in the backward pass instead of keeping their activations; gradients stay the same.
  void set_grad_checkpointing(bool image, bool text);

  const ArchConfig& arch() const { return arch_; }
  int64_t parameter_count() const;

  torch::Tensor logit_scale;
  torch::Tensor logit_bias;  ///< of the sigmoid loss; undefined where the architecture has none

 private:
  void reset_logits();
  ArchConfig arch_;
  std::shared_ptr<ImageTowerImpl> visual_;
  std::shared_ptr<TextTower> text_;
};
TORCH_MODULE(ClipModel);

/// All parameters in open_clip's order and names, sharing storage with the model, without gradient.
StateDict state_dict(const ClipModelImpl& model);

/// Copies `state` into the model (converted to the model's dtype). A position embedding of another image grid is interpolated
/// as open_clip does it (bicubic, antialiased, class token kept), one of another context length linearly; the returned notes
/// say so, as they do where a model with logit_bias gets none from `state` (it starts at 0, as in open_clip). Error, before
/// anything is copied: lists missing and unexpected names and wrong shapes or dtypes, the first ten of each and the count, or
/// names a tensor that holds NaN or Inf. `source` is named in errors. The buffer attn_mask, which some open_clip versions save
/// besides, is ignored.
std::vector<std::string> load_state(ClipModelImpl& model, const StateDict& state, const std::string& source);

/// The same without copies, for a model that is only asked for features: float32 tensors, and matrices of 16 bits as they are,
/// become its weights. With the latter run it under autocast to float32.
std::vector<std::string> share_state(ClipModelImpl& model, const StateDict& state, const std::string& source);

}  // namespace fsc
