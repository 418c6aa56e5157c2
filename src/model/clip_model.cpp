// The two towers in one module with open_clip's names.
#include "fsc/model/clip_model.h"

#include <cmath>

#include "model/detail_modules.h"

namespace fsc {

using torch::Tensor;

namespace {
thread_local bool uninitialized_weights = false;
}

UninitializedWeights::UninitializedWeights() : before_(uninitialized_weights) { uninitialized_weights = true; }
UninitializedWeights::~UninitializedWeights() { uninitialized_weights = before_; }

Tensor new_weight(at::IntArrayRef shape) { return uninitialized_weights ? torch::empty(shape) : torch::zeros(shape); }

ClipModelImpl::ClipModelImpl(const ArchConfig& arch) : torch::nn::Module("CLIP"), arch_(arch) {
  // Registration order is the order of open_clip's state dict.
  if (arch.vision.siglip)
    visual_ = register_module("visual", std::make_shared<SiglipVisionImpl>(arch));
  else
    visual_ = register_module("visual", std::make_shared<VisionTransformerImpl>(arch));
  torch::nn::Module& place = arch.custom_text ? *register_module("text", std::make_shared<torch::nn::Module>("text")) : *this;
  text_ = std::make_shared<TextTower>(place, arch);
  logit_scale = register_parameter("logit_scale", torch::zeros({}));
  if (arch.init_logit_bias) logit_bias = register_parameter("logit_bias", torch::zeros({}));
  reset_logits();
}

void ClipModelImpl::reset_logits() {
  const torch::NoGradGuard no_grad;
  logit_scale.fill_(arch_.init_logit_scale.value_or(arch_.init_logit_bias ? std::log(10.0) : std::log(1 / 0.07)));
  if (logit_bias.defined()) logit_bias.fill_(*arch_.init_logit_bias);
}

EncodedImages ClipModelImpl::encode_images(const Tensor& images_B3SS, bool with_tokens) {
  const int64_t size = arch_.vision.image_size;
  TORCH_CHECK(images_B3SS.dim() == 4 && images_B3SS.size(1) == 3 && images_B3SS.size(2) == size && images_B3SS.size(3) == size,
              "images of shape ", images_B3SS.sizes(), ", the model takes [B,3,", size, ",", size, "]");
  return visual_->encode(images_B3SS, with_tokens);
}

EncodedTexts ClipModelImpl::encode_texts(const TextRows& texts, bool with_tokens) { return text_->encode(texts, with_tokens); }

void ClipModelImpl::clamp_logit_scale() {
  const torch::NoGradGuard no_grad;
  logit_scale.clamp_(0, std::log(100.0));
}

void ClipModelImpl::set_grad_checkpointing(bool image, bool text) {
  visual_->set_grad_checkpointing(image);
  text_->transformer().set_grad_checkpointing(text);
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
