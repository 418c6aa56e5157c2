// Writer of ustar archives, with PAX headers for what ustar cannot say; the same input gives the same bytes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "fsc/core/atomic_file.h"

namespace fsc {

/// The file appears with finish(), whole (AtomicFile). Owner, mode and time are
/// constants: the bytes are those of Python's tarfile in its PAX format for files of mode 0644, time 0 and no owner.
class TarWriter {
 public:
  explicit TarWriter(std::filesystem::path path);
  /// Error: disk full, not writable (names the path); a name that no file can have ("" or one that ends in a slash); data of more
  /// than 2 GiB, which TarReader would refuse.
  void add(const std::string& name, std::string_view data);
  void finish();
  uint64_t size() const { return size_; }

 private:
  void put(std::string_view bytes);
  void put_padding(uint64_t to_multiple_of);
  void put_header(std::string_view name, uint64_t size, char type, unsigned mode);
  std::filesystem::path path_;
  AtomicFile file_;
  uint64_t size_ = 0;
};

}  // namespace fsc
