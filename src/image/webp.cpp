// WebP: reads size and completeness from the container before OpenCV (libwebp) decodes it.
#include "image/detail_formats.h"

namespace fsc::detail {
namespace {

uint64_t little_endian(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

}  // namespace

torch::Tensor decode_webp(std::string_view bytes, const std::string& name) {
  if (bytes.size() < 30 || little_endian(bytes, 4, 4) > bytes.size() - 8) refuse_image(name, "truncated WebP");
  const std::string_view type = bytes.substr(12, 4);
  int64_t width = 0, height = 0;
  if (type == "VP8X") {  // extended: canvas size after one byte of flags and three reserved
    constexpr int kAnimated = 0x02;
    if (bytes[20] & kAnimated) refuse_image(name, "animated WebP is not supported; save its first frame");
    width = 1 + static_cast<int64_t>(little_endian(bytes, 24, 3));
    height = 1 + static_cast<int64_t>(little_endian(bytes, 27, 3));
  } else if (type == "VP8L") {  // lossless: two 14-bit numbers after the signature byte
    const uint64_t packed = little_endian(bytes, 21, 4);
    width = 1 + static_cast<int64_t>(packed & 0x3fff);
    height = 1 + static_cast<int64_t>(packed >> 14 & 0x3fff);
  } else if (type == "VP8 ") {  // lossy: 14 bits each after the frame tag and the start code
    width = static_cast<int64_t>(little_endian(bytes, 26, 2) & 0x3fff);
    height = static_cast<int64_t>(little_endian(bytes, 28, 2) & 0x3fff);
  } else {
    refuse_image(name, "damaged WebP (unknown kind)");
  }
  check_image_size(width, height, name);
  return decode_with_opencv(bytes, false, name);
}

}  // namespace fsc::detail
