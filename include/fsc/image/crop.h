// A part of a picture.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <string>

namespace fsc {

/// A rectangle in pixels; `right` and `bottom` are the first column and row outside of it.
struct PixelBox {
  int64_t left = 0, top = 0, right = 0, bottom = 0;
  bool operator==(const PixelBox&) const = default;
};

/// PIL's Image.crop: uint8 [H,W,3] -> uint8 [box height, box width, 3]; what lies outside of the image is black. Error naming
/// `name` when the box is empty or larger than an image may be (decode_image).
torch::Tensor crop_image(const torch::Tensor& image_hwc, const PixelBox& box, const std::string& name);

}  // namespace fsc
