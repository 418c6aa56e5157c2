// One decoder per file format, and what they share.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace fsc::detail {

/// PIL's limit against decompression bombs: 2 * Image.MAX_IMAGE_PIXELS.
constexpr int64_t kMaxPixels = 178956970;

/// Throws Error: the image cannot be used, and why.
[[noreturn]] void refuse_image(const std::string& name, const std::string& cause);

/// Refuses empty and absurd sizes; called on the header, before anything is allocated.
void check_image_size(int64_t width, int64_t height, const std::string& name);

/// Bytes of a known format -> uint8 [H,W,3] RGB.
torch::Tensor decode_jpeg(std::string_view bytes, const std::string& name);
torch::Tensor decode_png(std::string_view bytes, const std::string& name);
torch::Tensor decode_webp(std::string_view bytes, const std::string& name);

/// OpenCV's decoder on PNG or WebP bytes -> RGB; `deep_grey` is for 16-bit grey PNG.
torch::Tensor decode_with_opencv(std::string_view bytes, bool deep_grey, const std::string& name);

}  // namespace fsc::detail
