// Headers are checked one by one; data go straight into the caller's string, in pieces while they are large.
#include "fsc/shards/tar_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "fsc/core/error.h"
#include "shards/detail_tar_header.h"

namespace fsc {
namespace {

using detail::kTarBlock;
namespace field = detail::tar_field;

constexpr uint64_t kPiece = 1 << 20;         // memory taken before the first byte of an entry has been seen
constexpr uint64_t kMaxExtension = 1 << 20;  // bytes of an extended header
constexpr uint64_t kLookPastEnd = 1 << 20;

std::optional<uint64_t> decimal(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Name in the header; ustar splits long ones. GNU's magic ("ustar ") has other fields where ustar has the prefix.
std::string header_name(detail::TarBlock block) {
  const std::string_view name = detail::tar_text(block, field::kName);
  if (detail::tar_text(block, field::kMagic) != "ustar") return std::string(name);
  const std::string_view prefix = detail::tar_text(block, field::kPrefix);
  return prefix.empty() ? std::string(name) : std::string(prefix) + "/" + std::string(name);
}

/// What people take for a tar archive, by its first bytes.
std::string what_else(std::string_view bytes) {
  const auto compressed = [](const char* name, const char* command) {
    return std::string("it is compressed with ") + name + "; unpack it, or write 'pipe:" + command + " FILE' in its place";
  };
  if (bytes.starts_with("\x1F\x8B")) return compressed("gzip", "gzip -dc");
  if (bytes.starts_with("\x28\xB5\x2F\xFD")) return compressed("zstd", "zstd -dc");
  if (bytes.starts_with("BZh")) return compressed("bzip2", "bzip2 -dc");
  if (bytes.starts_with("\3757zXZ")) return compressed("xz", "xz -dc");
  if (bytes.starts_with("PK\3\4")) return "it is a zip file; pack its contents as tar";
  if (bytes.starts_with("<")) return "it looks like a web page: the download went wrong";
  return "";
}

}  // namespace

void TarReader::fail(uint64_t offset, const std::string& problem) const {
  throw Error(name_ + ", byte " + std::to_string(offset) + ": " + problem);
}

/// Error where the archive's first bytes are those of something else.
void TarReader::check_kind(std::string_view first_bytes) const {
  const std::string kind = what_else(first_bytes);
  if (!kind.empty()) throw Error(name_ + " is no tar archive: " + kind);
}

void TarReader::fail_checksum(std::string_view block, uint64_t offset) const {
  if (offset == 0) {
    check_kind(block);
    throw Error(name_ + " is no tar archive; its first header has a wrong checksum");
  }
  const std::string place = last_entry_.empty() ? "" : " after " + detail::shown_name(last_entry_);
  fail(offset, "the header" + place + " is damaged (wrong checksum); get the shard again, or pack it again");
}

/// As many bytes as there are, up to the whole span.
size_t TarReader::fill(std::span<char> out) {
  size_t done = 0;
  while (done < out.size()) {
    const size_t n = stream_.read(out.subspan(done));
    if (n == 0) break;
    done += n;
  }
  position_ += done;
  return done;
}

bool TarReader::end(bool truncated) {
  ended_ = true;
  truncated_ = truncated_ || truncated;
  unread_ = padding_ = 0;
  return false;
}

bool TarReader::skip_bytes(uint64_t count) {
  const uint64_t there = count == 0 ? 0 : stream_.skip(count);
  position_ += there;
  return there == count;
}

/// False at the archive's end: at a zero block, after the last byte, or inside a block, which is a cut.
bool TarReader::read_block(std::span<char, kTarBlock> block) {
  const size_t n = fill(block);
  if (n < block.size()) {
    if (position_ == n) check_kind({block.data(), n});
    return end(n > 0 || position_ == 0);  // an empty file is a cut one, too
  }
  if (block[0] != '\0' || !detail::is_zero(block)) return true;
  end_mark_ = true;
  read_past_end_mark();
  return end(false);
}

/// Reads what fills up the last record, so that a command at the other end of a pipe can end in peace.
void TarReader::read_past_end_mark() {
  std::vector<char> rest(1 << 14);
  const uint64_t marked = position_;
  for (uint64_t done = 0; done < kLookPastEnd && !trailing_data_;) {
    const size_t n = stream_.read(rest);
    if (n == 0) break;
    trailing_data_ = std::any_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(n), [](char c) { return c != '\0'; });
    done += n;
  }
  position_ = marked;
}

/// A header about the next file ('x', or GNU's 'L' for a long name and 'K' for a long link) or about all that follow ('g').
void TarReader::read_extension(char type, uint64_t size, uint64_t offset, Extension& next_file) {
  if (size > kMaxExtension) fail(offset, "an extended header claims " + std::to_string(size) + " bytes; the archive is damaged");
  std::string text(size + detail::tar_padding(size), '\0');
  if (fill(text) < text.size()) {
    end(true);
    return;
  }
  text.resize(size);
  if (type == 'x') apply_pax(text, offset, next_file);
  if (type == 'g') apply_pax(text, offset, global_);
  if (type == 'L') next_file.name = text.substr(0, text.find('\0'));
}

/// Records "length key=value\n"; of the keys, the path and the size matter here.
void TarReader::apply_pax(std::string_view records, uint64_t offset, Extension& extension) const {
  while (!records.empty() && records[0] != '\0') {
    const size_t blank = records.find(' ');
    const auto length = decimal(records.substr(0, blank));
    if (blank > 20 || !length || *length > records.size() || *length < blank + 2 || records[*length - 1] != '\n')
      fail(offset, "a PAX header is malformed; the archive is damaged");
    const std::string_view record = records.substr(blank + 1, *length - blank - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos) fail(offset, "a PAX header is malformed; the archive is damaged");
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (key == "path" && !value.empty()) extension.name = value.substr(0, value.find('\0'));
    if (key == "size") {
      extension.size = decimal(value);
      if (!extension.size)
        fail(offset, "a PAX header has the size " + detail::shown_name(value) + ", which is no number; the archive is damaged");
    }
    if (key.starts_with("GNU.sparse.")) fail(offset, "a sparse file; pack the shard again without --sparse");
    records.remove_prefix(*length);
  }
}

bool TarReader::next(TarEntry& entry) {
  if (!ended_ && !(skip_bytes(unread_) && skip_bytes(padding_))) end(true);
  unread_ = padding_ = 0;
  Extension extension;
  bool extended = false;  // a header about the next file has been read
  while (!ended_) {
    std::array<char, kTarBlock> block;
    const uint64_t offset = position_;
    if (!read_block(block)) break;
    if (!detail::tar_checksum_holds(block)) fail_checksum({block.data(), block.size()}, offset);
    const auto size = detail::tar_number(block, field::kSize);
    if (!size) fail(offset, "the size of " + detail::shown_name(header_name(block)) + " is malformed; the archive is damaged");
    const char type = block[field::kType.offset];
    if (type == 'x' || type == 'g' || type == 'L' || type == 'K') {
      read_extension(type, *size, offset, extension);
      extended = extended || type != 'g';
      continue;
    }
    const auto& name = extension.name ? extension.name : global_.name;
    entry.name = name ? *name : header_name(block);
    entry.size = extension.size.value_or(global_.size.value_or(*size));
    entry.offset = position_;
    extension = {};
    extended = false;
    if (begin_entry(type, entry, offset)) return true;
  }
  truncated_ = truncated_ || extended;
  return false;
}

/// False when the entry is no file; it has then been passed over.
bool TarReader::begin_entry(char type, const TarEntry& entry, uint64_t offset) {
  if (type == 'S') fail(offset, detail::shown_name(entry.name) + " is a sparse file; pack the shard again without --sparse");
  if (type >= '1' && type <= '6') {  // a link, a device, a directory: whatever the size says, no data follow
    links_ += type <= '2';
    return false;
  }
  if (entry.size > kMaxTarEntry)
    fail(offset, detail::shown_name(entry.name) + " has " + std::to_string(entry.size) +
                     " bytes, more than the 2 GiB that a file of a shard may have");
  const bool regular = type == '0' || type == '\0' || type == '7';
  if (!regular || entry.name.ends_with('/')) {  // v7 marks directories by the slash
    if (!skip_bytes(entry.size + detail::tar_padding(entry.size))) end(true);
    return false;
  }
  unread_ = entry.size;
  padding_ = detail::tar_padding(entry.size);
  last_entry_ = entry.name;
  return true;
}

bool TarReader::read(std::string& data) {
  const uint64_t size = unread_;
  uint64_t done = 0;
  data.resize(std::min(size, kPiece));
  while (done < size) {
    if (done == data.size()) data.resize(std::min(size, 2 * done));
    const size_t wanted = data.size() - done, n = fill(std::span(data).subspan(done));
    done += n;
    if (n < wanted) {
      data.clear();
      return end(true);
    }
  }
  unread_ = 0;
  return true;
}

bool TarReader::skip() {
  const bool whole = skip_bytes(unread_);
  unread_ = 0;
  return whole || end(true);
}

}  // namespace fsc
