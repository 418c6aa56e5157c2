// Colour adjustments with the arithmetic of PIL and torchvision.
#pragma once
#include <torch/types.h>

#include "fsc/core/rng.h"
#include "fsc/image/preprocess.h"

namespace fsc::detail {

// All work in place on a contiguous uint8 [H,W,3]. A factor of 1 (hue: a shift of 0) leaves the image as it is, but for
// hue's rounding on its way through 8-bit HSV.
void adjust_brightness(torch::Tensor& image, double factor);  ///< blend with black
void adjust_contrast(torch::Tensor& image, double factor);    ///< blend with the mean grey
void adjust_saturation(torch::Tensor& image, double factor);  ///< blend with the pixel's grey
void adjust_hue(torch::Tensor& image, double shift);          ///< shift in turns, [-0.5, 0.5]
void make_grey(torch::Tensor& image);                         ///< ITU-R 601-2 luma in all three channels

/// torchvision's ColorJitter: a random order of the four, factors uniform in [max(0, 1-s), 1+s], hue in [-s, s].
/// The number of draws does not depend on which strengths are zero.
void color_jitter(torch::Tensor& image, const std::vector<double>& strengths, Rng& rng);

}  // namespace fsc::detail
