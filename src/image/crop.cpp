// Cuts a rectangle out of an image, or lays the image under a larger one.
#include "fsc/image/crop.h"

#include <algorithm>

#include "image/detail_formats.h"

namespace fsc {

torch::Tensor crop_image(const torch::Tensor& image_hwc, const PixelBox& box, const std::string& name) {
  TORCH_CHECK(image_hwc.scalar_type() == torch::kUInt8 && image_hwc.dim() == 3, "expected uint8 [H,W,3], got ",
              image_hwc.scalar_type(), " ", image_hwc.sizes());
  detail::check_image_size(box.right - box.left, box.bottom - box.top, name);
  auto cropped = torch::zeros({box.bottom - box.top, box.right - box.left, image_hwc.size(2)}, torch::kUInt8);
  const int64_t left = std::max<int64_t>(box.left, 0), right = std::min(box.right, image_hwc.size(1));
  const int64_t top = std::max<int64_t>(box.top, 0), bottom = std::min(box.bottom, image_hwc.size(0));
  if (left >= right || top >= bottom) return cropped;
  cropped.slice(0, top - box.top, bottom - box.top)
      .slice(1, left - box.left, right - box.left)
      .copy_(image_hwc.slice(0, top, bottom).slice(1, left, right));
  return cropped;
}

}  // namespace fsc
