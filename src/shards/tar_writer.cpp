// Headers with constant owner, mode and time; names that ustar cannot hold go into a PAX header before the file's own.
#include "fsc/shards/tar_writer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "fsc/core/error.h"
#include "fsc/shards/tar_reader.h"
#include "shards/detail_tar_header.h"

namespace fsc {
namespace {

using detail::kTarBlock;
using detail::TarField;
namespace field = detail::tar_field;

constexpr uint64_t kRecord = 20 * kTarBlock;  // an archive's size is a multiple of it

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

/// "length key=value\n", where the length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const size_t rest = 1 + key.size() + 1 + value.size() + 1;
  size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) ++length;
  return std::to_string(length) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

/// What readers without PAX see: each character beyond ASCII as '?', cut to the field.
std::string ustar_name(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) text += byte < 0x80 ? c : '?';  // one for a character of several bytes
  }
  return text.substr(0, field::kName.size);
}

/// `digits` octal digits; the zeros of the block end them.
void write_octal(std::array<char, kTarBlock>& block, size_t offset, size_t digits, uint64_t value) {
  for (size_t i = digits; i > 0; --i, value >>= 3) block[offset + i - 1] = static_cast<char>('0' + (value & 7));
}

}  // namespace

TarWriter::TarWriter(std::filesystem::path path) : path_(std::move(path)), file_(path_) {}

void TarWriter::add(const std::string& name, std::string_view data) {
  if (name.empty() || name.ends_with('/') || name.find('\0') != std::string::npos)
    throw Error(path_.string() + ": " + detail::shown_name(name) + " is no name for a file of a shard");
  if (data.size() > kMaxTarEntry)
    throw Error(path_.string() + ": " + detail::shown_name(name) + " has more than the 2 GiB that a file of a shard may have");
  if (!is_ascii(name) || name.size() > field::kName.size) {
    const std::string records = pax_record("path", name);
    put_header("././@PaxHeader", records.size(), 'x', 0);
    put(records);
    put_padding(kTarBlock);
  }
  put_header(ustar_name(name), data.size(), '0', 0644);
  put(data);
  put_padding(kTarBlock);
}

void TarWriter::put_header(std::string_view name, uint64_t size, char type, unsigned mode) {
  std::array<char, kTarBlock> block{};
  std::memcpy(block.data(), name.data(), name.size());
  for (const TarField zero : {field::kUid, field::kGid, field::kTime}) write_octal(block, zero.offset, zero.size - 1, 0);
  write_octal(block, field::kMode.offset, field::kMode.size - 1, mode);
  write_octal(block, field::kSize.offset, field::kSize.size - 1, size);
  block[field::kType.offset] = type;
  std::memcpy(block.data() + field::kMagic.offset, "ustar\00000", 8);  // with a NUL, and the version after it
  const uint32_t checksum = detail::tar_checksum(block);
  write_octal(block, field::kChecksum.offset, 6, checksum);
  block[field::kChecksum.offset + 7] = ' ';
  put({block.data(), block.size()});
}

void TarWriter::put_padding(uint64_t to_multiple_of) {
  put(std::string((to_multiple_of - size_ % to_multiple_of) % to_multiple_of, '\0'));
}

void TarWriter::put(std::string_view bytes) {
  size_ += bytes.size();
  file_.put(bytes);
}

void TarWriter::finish() {
  put(std::string(2 * kTarBlock, '\0'));
  put_padding(kRecord);
  file_.finish();
}

}  // namespace fsc
