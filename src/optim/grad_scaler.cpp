// Dynamic loss scale for fp16, kept and updated on the device.
#include <ATen/ops/_amp_update_scale.h>

#include "fsc/core/error.h"
#include "fsc/optim/optimizer.h"

namespace fsc {
namespace {

// torch.amp.GradScaler's constants.
constexpr double kFirstScale = 65536.0;
constexpr double kGrowth = 2.0;
constexpr double kBackoff = 0.5;
constexpr int64_t kGrowthInterval = 2000;

constexpr const char* kScaleKey = "scaler.scale";
constexpr const char* kTrackerKey = "scaler.growth_tracker";

const torch::Tensor& entry(const StateDict& state, const char* key, torch::ScalarType dtype) {
  const auto* tensor = state.find(key);
  if (!tensor) {
    throw Error(std::string("the optimizer state has no ") + key +
                "; it was saved by a run without fp16 loss scaling: resume with that run's train.precision");
  }
  if (tensor->numel() != 1 || tensor->scalar_type() != dtype) {
    throw Error(std::string("the optimizer state is damaged: ") + key +
                " is not one number of the type saved; use an older checkpoint");
  }
  return *tensor;
}

}  // namespace

GradScaler::GradScaler(bool enabled, const torch::Device& device)
    : enabled_(enabled),
      scale_(torch::full({}, enabled ? kFirstScale : 1.0, torch::dtype(torch::kFloat32).device(device))),
      growth_tracker_(torch::zeros({}, torch::dtype(torch::kInt32).device(device))) {}

torch::Tensor GradScaler::scale(const torch::Tensor& loss) const { return enabled_ ? loss * scale_ : loss; }

void GradScaler::update(const torch::Tensor& found_inf) {
  if (enabled_) at::_amp_update_scale_(scale_, growth_tracker_, found_inf, kGrowth, kBackoff, kGrowthInterval);
}

void GradScaler::save(StateDict& state) const {
  if (!enabled_) return;
  state.add(kScaleKey, scale_);
  state.add(kTrackerKey, growth_tracker_);
}

void GradScaler::load(const StateDict& state) {
  if (!enabled_) return;
  const auto scale = entry(state, kScaleKey, torch::kFloat32), tracker = entry(state, kTrackerKey, torch::kInt32);
  scale_.copy_(scale.reshape(scale_.sizes()));
  growth_tracker_.copy_(tracker.reshape(growth_tracker_.sizes()));
}

}  // namespace fsc
