// Fields of a tar header: octal and base-256 numbers, NUL-terminated texts, the checksum.
#include <algorithm>

#include "shards/detail_tar_header.h"

namespace fsc::detail {
namespace {

uint8_t byte(char c) { return static_cast<uint8_t>(c); }

/// Big-endian bytes after the marker bit 0x80; the next bit is the sign.
std::optional<uint64_t> base256(std::string_view field) {
  if (byte(field[0]) & 0x40) return std::nullopt;
  uint64_t value = byte(field[0]) & 0x3F;
  for (const char c : field.substr(1)) {
    if (value >> 55) return std::nullopt;
    value = value << 8 | byte(c);
  }
  return value;
}

}  // namespace

std::string_view tar_text(TarBlock block, TarField field) {
  const std::string_view text(block.data() + field.offset, field.size);
  return text.substr(0, text.find('\0'));
}

std::optional<uint64_t> tar_number(TarBlock block, TarField field) {
  const std::string_view text(block.data() + field.offset, field.size);
  if (byte(text[0]) & 0x80) return base256(text);
  size_t i = 0;
  while (i < text.size() && text[i] == ' ') ++i;
  uint64_t value = 0;  // at most 12 digits of 3 bits
  for (; i < text.size() && text[i] >= '0' && text[i] <= '7'; ++i) value = value << 3 | static_cast<uint64_t>(text[i] - '0');
  if (i < text.size() && text[i] != ' ' && text[i] != '\0') return std::nullopt;
  return value;
}

uint32_t tar_checksum(TarBlock block) {
  uint32_t sum = ' ' * tar_field::kChecksum.size;
  for (const char c : block) sum += byte(c);
  for (const char c : block.subspan(tar_field::kChecksum.offset, tar_field::kChecksum.size)) sum -= byte(c);
  return sum;
}

bool tar_checksum_holds(TarBlock block) {
  const auto stored = tar_number(block, tar_field::kChecksum);
  const uint32_t sum = tar_checksum(block);
  if (stored == sum) return true;
  const auto negative = [](char c) { return byte(c) >= 0x80; };
  const auto field = block.subspan(tar_field::kChecksum.offset, tar_field::kChecksum.size);
  const auto others = std::count_if(block.begin(), block.end(), negative) - std::count_if(field.begin(), field.end(), negative);
  return stored && *stored + 256 * static_cast<uint64_t>(others) == sum;
}

bool is_zero(TarBlock block) {
  return std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
}

std::string shown_name(std::string_view name) {
  std::string text(name.substr(0, 200));
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }, '?');
  return "'" + text + (name.size() > 200 ? "…'" : "'");
}

}  // namespace fsc::detail
