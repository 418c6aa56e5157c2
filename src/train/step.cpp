// One optimizer step, top to bottom; nothing here waits for the device.
#include <ATen/autocast_mode.h>

#include "fsc/train/trainer.h"

namespace fsc {
namespace {

/// Autocast for the forward pass; the losses run outside it, in float32.
class Autocast {
 public:
  Autocast(Precision precision, torch::DeviceType device) : device_(device), on_(precision == Precision::kAmpBf16 || precision == Precision::kAmp) {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, true);
    at::autocast::set_autocast_dtype(device_, precision == Precision::kAmp ? torch::kHalf : torch::kBFloat16);
  }
  ~Autocast() {
    if (!on_) return;
    at::autocast::set_autocast_enabled(device_, false);
    at::autocast::clear_cache();  // casts of weights that the step is about to change
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  torch::DeviceType device_;
  bool on_;
};

}  // namespace

StepReport Learner::step(const Batch& batch, double lr) {
  const auto here = [this](const torch::Tensor& tensor) { return tensor.to(device, /*non_blocking=*/true); };
  optimizer->zero_grad();

  Features features;
  {
    Autocast autocast(precision, device.type());
    const auto images = here(batch.images).to(model->logit_scale.scalar_type());
    const EncodedImages image = model->encode_images(images, needs_tokens);
    const EncodedTexts text = model->encode_texts(here(batch.text_ids), needs_tokens);
    features = {.image_BD = image.features_BD, .image_tokens_BPD = image.tokens_BPD, .text_RD = text.features_RD,
                .text_tokens_RTD = text.tokens_RTD, .text_valid_RT = here(batch.text_valid), .owner_R = here(batch.owner),
                .caption_B = here(batch.caption_rows), .negatives_BN = here(batch.negative_rows), .scale = model->scale()};
  }
  StepReport report{.losses = evaluate(objective, features), .logit_scale = model->logit_scale.detach().clone(), .verdict = {}};
  scaler->scale(report.losses.total).backward();
  report.verdict = optimizer->step(lr, *scaler);
  model->clamp_logit_scale();
  report.losses.total = report.losses.total.detach();
  return report;
}

}  // namespace fsc
