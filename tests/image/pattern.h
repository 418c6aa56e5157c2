// A small picture that the reference values of these tests were made from.
#pragma once
#include <torch/types.h>

#include <vector>

namespace fsc::test {

/// uint8 [h,w,3]: (37 x^2 + 91 y^2 + 17 x y + 53 c) mod 256.
inline torch::Tensor pattern(int64_t h, int64_t w) {
  auto image = torch::empty({h, w, 3}, torch::kUInt8);
  auto* p = image.data_ptr<uint8_t>();
  for (int64_t y = 0; y < h; ++y)
    for (int64_t x = 0; x < w; ++x)
      for (int64_t c = 0; c < 3; ++c) *p++ = static_cast<uint8_t>((x * x * 37 + y * y * 91 + x * y * 17 + c * 53) % 256);
  return image;
}

inline std::vector<int> bytes_of(const torch::Tensor& image) {
  const auto flat = image.contiguous();
  return {flat.data_ptr<uint8_t>(), flat.data_ptr<uint8_t>() + flat.numel()};
}

}  // namespace fsc::test
