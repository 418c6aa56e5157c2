// PNG: checks the chunks, then hands OpenCV only those that make pixels.
// Dropping the others is PIL's convert("RGB") (tRNS, gAMA and eXIf do not change pixels) and keeps libpng from
// printing its opinion of colour profiles on stderr. Checksums are verified throughout; PIL skips those of the pixel data.
#include <fmt/format.h>
#include <zlib.h>

#include "image/detail_formats.h"

namespace fsc::detail {
namespace {

constexpr size_t kSignatureSize = 8;
constexpr uint64_t kBestDeflate = 1032;  // zlib's largest compression ratio

uint32_t checksum(std::string_view bytes) {
  return static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

uint32_t big_endian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

struct Header {
  int64_t width, height;
  int depth, color_type;
};

Header read_header(std::string_view data, const std::string& name) {
  if (data.size() != 13) refuse_image(name, "damaged PNG (header)");
  Header header{big_endian(data, 0), big_endian(data, 4), static_cast<uint8_t>(data[8]), static_cast<uint8_t>(data[9])};
  const int depth = header.depth, type = header.color_type;
  const bool low = depth == 1 || depth == 2 || depth == 4, high = depth == 8 || depth == 16;
  const bool known = type == 0 ? low || high : type == 3 ? low || depth == 8 : (type == 2 || type == 4 || type == 6) && high;
  if (!known) refuse_image(name, fmt::format("damaged PNG (colour type {} with {} bits)", type, depth));
  check_image_size(header.width, header.height, name);
  return header;
}

/// Bytes of pixels that the compressed data must hold at least: catches a huge picture in a tiny file without allocating it.
uint64_t raw_size(const Header& header) {
  const int channels = header.color_type == 2 ? 3 : header.color_type == 4 ? 2 : header.color_type == 6 ? 4 : 1;
  return static_cast<uint64_t>(header.width * header.height) * static_cast<uint64_t>(channels * header.depth) / 8;
}

}  // namespace

torch::Tensor decode_png(std::string_view bytes, const std::string& name) {
  static constexpr std::string_view kEnd("\0\0\0\0IEND\xae\x42\x60\x82", 12);
  std::string kept(bytes.substr(0, kSignatureSize));
  Header header{};
  uint64_t compressed = 0;
  bool palette = false;
  for (size_t at = kSignatureSize;;) {
    if (bytes.size() - at < 12) {  // the pixels are whole when all their chunks are; PIL does not ask for an IEND either
      if (compressed > 0) break;
      refuse_image(name, "truncated PNG");
    }
    const size_t length = big_endian(bytes, at);
    const std::string_view type = bytes.substr(at + 4, 4);
    if (length > bytes.size() - at - 12) refuse_image(name, "truncated PNG");
    if (checksum(bytes.substr(at + 4, length + 4)) != big_endian(bytes, at + 8 + length)) {
      refuse_image(name, fmt::format("damaged PNG (checksum at byte {})", at));
    }
    if (at == kSignatureSize) {
      if (type != "IHDR") refuse_image(name, "damaged PNG (no header)");
      header = read_header(bytes.substr(at + 8, length), name);
    }
    if (type == "IDAT") compressed += length;
    if (type == "PLTE") palette = true;
    if (compressed > 0 && type != "IDAT") break;  // the rest is metadata or further frames
    if (type == "IHDR" || type == "PLTE" || type == "IDAT") kept += bytes.substr(at, length + 12);
    at += length + 12;
  }
  if (header.color_type == 3 && !palette) refuse_image(name, "damaged PNG (no palette)");
  if (raw_size(header) > compressed * kBestDeflate + kBestDeflate)
    refuse_image(name, "truncated PNG (too little data for its size)");
  kept += kEnd;
  return decode_with_opencv(kept, header.depth == 16 && header.color_type == 0, name);
}

}  // namespace fsc::detail
