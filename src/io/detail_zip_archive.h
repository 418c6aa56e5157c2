// The zip container of torch.save and torch.jit.save: a directory of stored (uncompressed) entries, nothing ever unpacked.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/detail_input_file.h"

namespace fsc::detail {

struct ZipEntry {
  std::string_view name;         ///< points into the archive's copy of the directory
  uint64_t header = 0;           ///< where the entry's own header begins
  uint64_t begin = 0, size = 0;  ///< its bytes in the file
  uint64_t stored = 0;           ///< as many of them as there are: fewer than size where compressed
  bool compressed = false;       ///< never read; TorchScript's code is
  uint32_t crc = 0;              ///< 0: the writer stored none (torch.serialization.set_crc32_options)
};

class ZipArchive {
 public:
  /// Reads and checks the directory: sizes and offsets inside the file, no two entries over the same bytes, no name twice, no
  /// name that leads outside a folder, nothing encrypted. Error names the file and the entry.
  explicit ZipArchive(const InputFile& file);
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  const std::vector<ZipEntry>& entries() const { return entries_; }  ///< sorted by name
  /// nullptr when absent.
  const ZipEntry* find(std::string_view name) const;
  /// Error naming the entry when it is compressed: decompression is what zip bombs live on, and PyTorch never needs it.
  void require_stored(const ZipEntry& entry) const;
  /// The entry's bytes (it must be stored), checksum verified.
  std::string read(const ZipEntry& entry) const;
  /// Error naming the entry when `bytes`, its contents, do not have its checksum.
  void verify(const ZipEntry& entry, std::string_view bytes) const;

 private:
  /// What the record at the file's end says of the directory.
  struct End {
    uint64_t disks = 0, count_here = 0, count = 0, size = 0, begin = 0;
  };
  void find_directory();
  End read_end64(uint64_t at, const End& brief) const;
  void read_directory();
  ZipEntry read_entry(std::string_view record) const;
  void locate_data();
  [[noreturn]] void fail(const std::string& problem) const;

  const InputFile& file_;
  End end_;
  std::string directory_;
  std::vector<ZipEntry> entries_;
};

}  // namespace fsc::detail
