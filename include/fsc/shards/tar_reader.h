// Streaming reader of tar archives: v7, ustar, GNU and PAX.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fsc/shards/byte_stream.h"

namespace fsc {

/// One regular file of an archive.
struct TarEntry {
  std::string name;     ///< whole path; long names of GNU and PAX put together
  uint64_t size = 0;    ///< bytes of data
  uint64_t offset = 0;  ///< of the data, from the archive's front
};

/// Largest file that an archive may hold.
inline constexpr uint64_t kMaxTarEntry = uint64_t{2} << 30;

/// Entries in order. Directories, links and devices are passed over; sparse files are refused with an Error. An archive that ends
/// inside an entry or a header ends there: truncated() says so, what was whole has been handed out. One that ends after an entry
/// without the zero block that should follow is taken as whole, as other readers do; has_end_mark() tells. What stands after the
/// first zero block is not read as entries, as in tar.
class TarReader {
 public:
  /// `name` stands for the archive in messages.
  TarReader(ByteStream& stream, std::string name) : stream_(stream), name_(std::move(name)) {}
  /// The next file's header; false at the end. Unread data of the one before are skipped. Error: a header whose checksum or
  /// fields are wrong (names the archive and the offset), a sparse file, an entry of more than 2 GiB.
  bool next(TarEntry& entry);
  /// Data of the current entry; false when the archive ends inside it. At most once an entry. Memory grows with what arrives, not
  /// with what the header claims.
  bool read(std::string& data);
  /// Passes over the data; false when the archive ends inside it. (Of a local file only the size tells.)
  bool skip();

  bool truncated() const { return truncated_; }
  /// After the end: whether a zero block marked it, and whether something but zeros follows within the next MiB (archives joined
  /// by cat).
  bool has_end_mark() const { return end_mark_; }
  bool has_trailing_data() const { return trailing_data_; }
  /// Hard and symbolic links passed over so far: files that their samples lack.
  int64_t links() const { return links_; }
  /// Bytes of the archive passed so far; at a truncated end its size.
  uint64_t position() const { return position_; }

 private:
  /// What extended headers say of the next file.
  struct Extension {
    std::optional<std::string> name;
    std::optional<uint64_t> size;
  };
  size_t fill(std::span<char> out);
  bool read_block(std::span<char, 512> block);
  bool skip_bytes(uint64_t count);
  bool begin_entry(char type, const TarEntry& entry, uint64_t offset);
  void read_extension(char type, uint64_t size, uint64_t offset, Extension& next_file);
  void apply_pax(std::string_view records, uint64_t offset, Extension& extension) const;
  void read_past_end_mark();
  bool end(bool truncated);
  [[noreturn]] void fail(uint64_t offset, const std::string& problem) const;
  void check_kind(std::string_view first_bytes) const;
  [[noreturn]] void fail_checksum(std::string_view block, uint64_t offset) const;

  ByteStream& stream_;
  std::string name_, last_entry_;
  Extension global_;
  uint64_t position_ = 0;
  uint64_t unread_ = 0, padding_ = 0;  // of the current entry
  bool ended_ = false, truncated_ = false, end_mark_ = false, trailing_data_ = false;
  int64_t links_ = 0;
};

}  // namespace fsc
