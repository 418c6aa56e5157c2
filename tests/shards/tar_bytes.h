// Tar archives put together by hand, field by field, sound or not.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/shards/tar_reader.h"

namespace fsc::test {

/// One header and the data after it; the fields hold what TarReader looks at.
struct TarPart {
  std::string name{}, data{};
  char type = '0';
  std::string size{};  ///< text of the size field; empty: the data's
  std::string magic = std::string("ustar\0", 6) + "00";
  std::string prefix{};
  enum class Sum { kUnsigned, kSigned, kWrong } sum = Sum::kUnsigned;
};

inline std::string octal(uint64_t value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
  return text;
}

/// GNU's form of numbers that 11 octal digits cannot hold.
inline std::string base256(uint64_t value, int bytes = 12) {
  std::string text(static_cast<size_t>(bytes), '\0');
  for (int i = bytes - 1; i > 0 && value > 0; --i, value >>= 8) text[static_cast<size_t>(i)] = static_cast<char>(value & 0xFF);
  text[0] = '\x80';
  return text;
}

inline std::string padded(std::string bytes) { return bytes.append((512 - bytes.size() % 512) % 512, '\0'); }

inline std::string tar_header(const TarPart& part) {
  std::string block(512, '\0');
  const auto put = [&](size_t offset, std::string_view text) { block.replace(offset, text.size(), text); };
  put(0, part.name.substr(0, 100));
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, part.size.empty() ? octal(part.data.size(), 11) : part.size);
  put(136, "00000000000");
  put(148, "        ");
  block[156] = part.type;
  put(257, part.magic);
  put(345, part.prefix);
  int64_t sum = part.sum == TarPart::Sum::kWrong ? 1 : 0;
  for (const char c : block)
    sum += part.sum == TarPart::Sum::kSigned ? static_cast<signed char>(c) : static_cast<unsigned char>(c);
  put(148, octal(static_cast<uint64_t>(sum), 6) + std::string("\0 ", 2));
  return block;
}

inline const std::string kTarEnd(1024, '\0');

inline std::string tar_bytes(const std::vector<TarPart>& parts, const std::string& end = kTarEnd) {
  std::string bytes;
  for (const auto& part : parts) bytes += tar_header(part) + padded(part.data);
  return bytes + end;
}

/// "20 path=some/name.txt\n"
inline std::string pax_record(const std::string& key, const std::string& value) {
  const std::string rest = " " + key + "=" + value + "\n";
  size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

/// A stream over bytes that hands out at most `piece` at a time.
class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(std::string bytes, size_t piece = SIZE_MAX) : bytes_(std::move(bytes)), piece_(piece) {}
  size_t read(std::span<char> buffer) override {
    const size_t n = std::min({buffer.size(), piece_, bytes_.size() - at_});
    bytes_.copy(buffer.data(), n, at_);
    at_ += n;
    return n;
  }
  uint64_t skip(uint64_t count) override {
    const uint64_t n = std::min<uint64_t>(count, bytes_.size() - at_);
    at_ += n;
    return n;
  }

 private:
  std::string bytes_;
  size_t piece_, at_ = 0;
};

/// All files of an archive, and how it ended.
struct TarContents {
  std::vector<std::pair<std::string, std::string>> files;
  bool truncated = false, end_mark = false, trailing = false;
  int64_t links = 0;
};
inline TarContents read_tar(const std::string& bytes, size_t piece = SIZE_MAX) {
  MemoryStream stream(bytes, piece);
  TarReader reader(stream, "a.tar");
  TarContents contents;
  std::string data;
  for (TarEntry entry; reader.next(entry);) {
    if (reader.read(data)) contents.files.emplace_back(entry.name, data);
  }
  contents.truncated = reader.truncated();
  contents.end_mark = reader.has_end_mark();
  contents.trailing = reader.has_trailing_data();
  contents.links = reader.links();
  return contents;
}

}  // namespace fsc::test
