// Everything random is drawn on the CPU, so that two devices begin alike.
#include "bench/synthetic_step.h"

#include <torch/utils.h>

namespace fsc::bench {

ArchConfig tiny_architecture() {
  ArchConfig arch;
  arch.name = "tiny";
  arch.vision.image_size = 56;
  arch.vision.patch_size = 8;
  arch.vision.width = arch.text.width = 128;
  arch.vision.layers = arch.text.layers = 2;
  arch.text.heads = 2;
  arch.text.vocab_size = 1024;
  return arch;
}

SyntheticStep::SyntheticStep(const StepSetup& setup)
    : setup_(setup), model_(nullptr), scaler_(setup.precision == Precision::kAmp, setup.device) {
  if (setup.loss == LossName::kSiglip) setup_.arch.init_logit_bias = -10.0;
  model_ = ClipModel(setup_.arch);
  model_->initialize(1);
  model_->to(setup.device);
  LossConfig loss;
  loss.name = setup.loss;
  objective_ = make_objective(loss);
  const int64_t size = setup.arch.vision.image_size;
  torch::manual_seed(2);
  images_B3SS_ = torch::randn({setup.images, 3, size, size}).to(setup.device);
  const TextRows texts =
      pack(captions_and_negatives(setup.images, setup.negatives, setup.arch.text.vocab_size, 3), setup.packing);
  texts_ = texts.to(setup.device);
  fixed_.text_offsets_R1 = texts_.offsets_R1;
  fixed_.roles = roles_of(setup.images, setup.negatives).to(setup.device);
  NamedParameters parameters;
  for (const auto& item : model_->named_parameters()) parameters.emplace_back(item.key(), item.value());
  OptimConfig optim;
  optim.lr = setup.lr;
  optimizer_ = std::make_unique<AdamW>(parameters, optim);
}

Features SyntheticStep::encode() {
  Features features = fixed_;
  const bool tokens = needs_of(objective_).tokens;
  {
    const Autocast autocast(setup_.precision, setup_.device.type());
    const EncodedImages image = model_->encode_images(images_B3SS_, tokens);
    const EncodedTexts text = model_->encode_texts(texts_, tokens);
    features.image_BD = image.features_BD;
    features.image_tokens_BPD = image.tokens_BPD;
    features.text_RD = text.features_RD;
    features.text_tokens_VD = text.tokens_VD;
  }
  features.scale = model_->scale();
  features.bias = model_->logit_bias;
  return features;
}

torch::Tensor SyntheticStep::run() {
  optimizer_->zero_grad();
  const Losses losses = evaluate(objective_, encode());
  scaler_.scale(losses.total).backward();
  optimizer_->step(setup_.lr, scaler_);
  model_->clamp_logit_scale();
  return losses.total.detach();
}

StateDict SyntheticStep::weights() const {
  StateDict copies;
  for (const auto& item : model_->named_parameters())
    copies.add(item.key(), item.value().detach().to(torch::kCPU, torch::kFloat32, false, true));
  return copies;
}

}  // namespace fsc::bench
