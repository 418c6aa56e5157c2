// The bytes of open_clip's eval and training transforms.
#include "fsc/image/preprocess.h"

#include <cmath>

#include "image/detail_color.h"
#include "image/detail_crop.h"
#include "image/detail_model_input.h"
#include "image/detail_resize.h"

namespace fsc {
namespace detail {
namespace {

/// Python's round(): halves go to the even neighbour.
int64_t round_half_even(double x) { return static_cast<int64_t>(std::nearbyint(x)); }

}  // namespace

Box draw_crop(int64_t height, int64_t width, const std::vector<double>& scale, const std::vector<double>& ratio, Rng& rng) {
  TORCH_CHECK(scale.size() == 2 && ratio.size() == 2, "scale and ratio are pairs");
  const double area = static_cast<double>(height * width);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double target = area * rng.uniform(scale[0], scale[1]);
    const double aspect = std::exp(rng.uniform(std::log(ratio[0]), std::log(ratio[1])));
    const int64_t w = round_half_even(std::sqrt(target * aspect)), h = round_half_even(std::sqrt(target / aspect));
    if (w <= 0 || w > width || h <= 0 || h > height) continue;
    const auto top = static_cast<int64_t>(rng.below(static_cast<uint64_t>(height - h + 1)));
    const auto left = static_cast<int64_t>(rng.below(static_cast<uint64_t>(width - w + 1)));
    return {top, left, h, w};
  }
  const double narrowest = std::min(ratio[0], ratio[1]), widest = std::max(ratio[0], ratio[1]);
  const double aspect = static_cast<double>(width) / static_cast<double>(height);
  int64_t h = height, w = width;
  if (aspect < narrowest) h = round_half_even(static_cast<double>(width) / narrowest);
  if (aspect > widest) w = round_half_even(static_cast<double>(height) * widest);
  return {(height - h) / 2, (width - w) / 2, h, w};
}

}  // namespace detail

torch::Tensor resize_and_crop(const torch::Tensor& image_hwc, const Preprocess& preprocess) {
  TORCH_CHECK(image_hwc.dim() == 3 && image_hwc.size(0) > 0 && image_hwc.size(1) > 0, "expected [H,W,3], got ",
              image_hwc.sizes());
  const int64_t h = image_hwc.size(0), w = image_hwc.size(1), size = preprocess.size;
  int64_t new_h = size, new_w = size;
  if (preprocess.resize_mode == ResizeMode::kShortest) {  // the longer side keeps the aspect ratio, rounded down
    const auto longer = static_cast<int64_t>(static_cast<double>(size * std::max(h, w)) / static_cast<double>(std::min(h, w)));
    (w <= h ? new_h : new_w) = longer;
  }
  const int64_t top = detail::round_half_even(static_cast<double>(new_h - size) / 2.0);
  const int64_t left = detail::round_half_even(static_cast<double>(new_w - size) / 2.0);
  return detail::crop_resize_crop(image_hwc, {0, 0, h, w}, new_h, new_w, {top, left, size, size}, preprocess.interpolation);
}

torch::Tensor eval_pixels(const torch::Tensor& image_hwc, const Preprocess& preprocess) {
  return detail::to_planes(resize_and_crop(image_hwc, preprocess));
}

torch::Tensor eval_transform(const torch::Tensor& image_hwc, const Preprocess& preprocess) {
  return to_model_input(eval_pixels(image_hwc, preprocess), preprocess);
}

torch::Tensor train_pixels(const torch::Tensor& image_hwc, const Preprocess& preprocess, const AugmentConfig& augment, Rng& rng) {
  TORCH_CHECK(image_hwc.dim() == 3, "expected [H,W,3], got ", image_hwc.sizes());
  const int64_t size = preprocess.size;
  const auto crop = detail::draw_crop(image_hwc.size(0), image_hwc.size(1), augment.scale, augment.ratio, rng);
  auto image = detail::crop_resize_crop(image_hwc, crop, size, size, {0, 0, size, size}, Interpolation::kBicubic);
  if (!augment.color_jitter.empty() && rng.chance(augment.color_jitter_prob))
    detail::color_jitter(image, augment.color_jitter, rng);
  if (rng.chance(augment.gray_scale_prob)) detail::make_grey(image);
  return detail::to_planes(image);
}

}  // namespace fsc
