// Formats of image files, told by their first bytes.
#pragma once
#include <optional>
#include <string_view>

namespace fsc {

enum class ImageFormat { kJpeg, kPng, kWebp };

/// Looks at the first 12 bytes; nullopt for anything else.
std::optional<ImageFormat> image_format(std::string_view bytes);

/// "jpg", "png", "webp".
const char* extension_of(ImageFormat format);

}  // namespace fsc
