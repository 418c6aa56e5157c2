// Image files to RGB pixels, as PIL's Image.open(...).convert("RGB").
#pragma once
#include <torch/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace fsc {

/// JPEG, PNG or WebP bytes -> uint8 [H,W,3] RGB, contiguous. Grey, palette, alpha (dropped), CMYK and 16 bit are converted
/// as PIL does; EXIF orientation is ignored as PIL ignores it. Thread-safe; silent,
/// but for libpng's line about pixel data that are damaged under right checksums.
/// Throws Error naming `name` and the cause (empty, truncated, damaged, not one of these formats, animated WebP, more pixels
/// than PIL's limit of 178,956,970). Stricter than PIL for two: the checksums of a PNG's pixel data must be right, and
/// a JPEG must have bytes enough for its size and at most 500 scans.
torch::Tensor decode_image(std::string_view bytes, const std::string& name);

/// The same from a file.
torch::Tensor decode_image_file(const std::filesystem::path& path);

}  // namespace fsc
