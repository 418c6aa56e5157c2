// The two towers in one module with open_clip's names.
#include "fsc/model/clip_model.h"

#include <cmath>

#include "model/detail_modules.h"

namespace fsc {

using torch::Tensor;

ClipModelImpl::ClipModelImpl(const ArchConfig& arch) : torch::nn::Module("CLIP"), arch_(arch) {
  // Registration order is the order of open_clip's state dict.
  positional_embedding_ = register_parameter("positional_embedding", torch::zeros({arch.text.context_length, arch.text.width}));
  text_projection_ = register_parameter("text_projection", torch::zeros({arch.text.width, arch.embed_dim}));
  logit_scale = register_parameter("logit_scale", torch::full({}, std::log(1 / 0.07)));
  visual_ = register_module("visual", std::make_shared<VisionTransformerImpl>(arch));
  transformer_ = register_module(
      "transformer",
      std::make_shared<TransformerImpl>(arch.text.layers, block_config(arch.text, arch.text.heads, arch.quick_gelu, true)));
  token_embedding_ = register_module("token_embedding", std::make_shared<EmbeddingImpl>(arch.text.vocab_size, arch.text.width));
  ln_final_ = register_module("ln_final", std::make_shared<LayerNormImpl>(arch.text.width));
}

EncodedImages ClipModelImpl::encode_images(const Tensor& images_B3SS, bool with_tokens) {
  const int64_t size = arch_.vision.image_size;
  TORCH_CHECK(images_B3SS.dim() == 4 && images_B3SS.size(1) == 3 && images_B3SS.size(2) == size && images_B3SS.size(3) == size,
              "images of shape ", images_B3SS.sizes(), ", the model takes [B,3,", size, ",", size, "]");
  const Tensor x_BLW = visual_->forward(images_B3SS);
  EncodedImages out;
  out.features_BD = unit_rows(at::matmul(x_BLW.select(1, 0), visual_->proj()));
  if (with_tokens) out.tokens_BPD = at::matmul(x_BLW.slice(1, 1), visual_->proj());
  return out;
}

void ClipModelImpl::clamp_logit_scale() {
  const torch::NoGradGuard no_grad;
  logit_scale.clamp_(0, std::log(100.0));
}

void ClipModelImpl::set_grad_checkpointing(bool image, bool text) {
  visual_->set_grad_checkpointing(image);
  transformer_->set_grad_checkpointing(text);
}

int64_t ClipModelImpl::parameter_count() const {
  int64_t count = 0;
  for (const auto& parameter : parameters()) count += parameter.numel();
  return count;
}

StateDict state_dict(const ClipModelImpl& model) {
  StateDict state;
  for (const auto& parameter : model.named_parameters()) state.add(parameter.key(), parameter.value().detach());
  return state;
}

}  // namespace fsc
