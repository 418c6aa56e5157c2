// Pixels to model input: open_clip's eval transform and its training augmentation, in bytes up to the last step.
#pragma once
#include <torch/types.h>

#include <array>
#include <cstdint>
#include <vector>

#include "fsc/config/fields.h"
#include "fsc/core/rng.h"

namespace fsc {

enum class Interpolation { kBicubic, kBilinear };
enum class ResizeMode { kShortest, kSquash };  ///< shorter side then centre crop | straight to a square

/// How a model wants its pixels; stored in open_clip_config.json as preprocess_cfg.
struct Preprocess {
  int64_t size = 224;
  std::array<double, 3> mean = {0.48145466, 0.4578275, 0.40821073};
  std::array<double, 3> std = {0.26862954, 0.26130258, 0.27577711};
  Interpolation interpolation = Interpolation::kBicubic;
  ResizeMode resize_mode = ResizeMode::kShortest;
  bool operator==(const Preprocess&) const = default;
};

/// data.augment; a probability of 0 switches a part off. Laws as in torchvision.
struct AugmentConfig {
  std::vector<double> scale = {0.9, 1.0};
  std::vector<double> ratio = {0.75, 1.3333333333333333};
  std::vector<double> color_jitter = {};  // brightness, contrast, saturation[, hue]
  double color_jitter_prob = 0.0;
  double gray_scale_prob = 0.0;

  void fields(config::Collector& v);
};

// All transforms are plain loops on one thread without autograd: safe in worker threads, whatever ATen's thread count is.

/// uint8 [H,W,3] -> uint8 [size,size,3]: PIL's antialiased resize (the same bytes) of the shorter side, then centre crop.
torch::Tensor resize_and_crop(const torch::Tensor& image_hwc, const Preprocess& preprocess);

/// The eval transform's pixels: uint8 [3,size,size].
torch::Tensor eval_pixels(const torch::Tensor& image_hwc, const Preprocess& preprocess);

/// The training transform's: RandomResizedCrop (always bicubic, as in open_clip), colour jitter, grey; all draws come from `rng`.
/// uint8 [3,size,size].
torch::Tensor train_pixels(const torch::Tensor& image_hwc, const Preprocess& preprocess, const AugmentConfig& augment, Rng& rng);

/// What both end with, ToTensor and Normalize: uint8 [3,H,W] or [B,3,H,W] -> float32, (x/255 - mean)/std; the same bits on every
/// device, and no wait for it.
torch::Tensor to_model_input(const torch::Tensor& pixels, const Preprocess& preprocess);

/// The whole eval transform: float32 [3,size,size].
torch::Tensor eval_transform(const torch::Tensor& image_hwc, const Preprocess& preprocess);

}  // namespace fsc
