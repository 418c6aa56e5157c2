// PIL's resampling, bit for bit.
#pragma once
#include <torch/types.h>

#include <cstdint>

#include "fsc/image/preprocess.h"

namespace fsc::detail {

struct Box {
  int64_t top, left, height, width;
};

/// Image.crop(source).resize((width, height)).crop(window), only the wanted pixels being computed: uint8 [H,W,3] ->
/// uint8 [window.height, window.width, 3]. Equals PIL exactly: double weights rounded to 22 bits, bytes between
/// the two passes. The horizontal pass comes first, unless the height shrinks by more than twice as many pixels as the width:
/// the rule of Pillow 13 (earlier versions always go horizontally first, which now and then gives other bytes).
torch::Tensor crop_resize_crop(const torch::Tensor& image_hwc, const Box& source, int64_t height, int64_t width,
                               const Box& window, Interpolation interpolation);

}  // namespace fsc::detail
