// Checkpoints built byte by byte: a zip writer that can be told to lie, and the words of a pickle.
#pragma once
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/io/checkpoint_file.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc::test {

/// A file of tests/data/golden/checkpoints.
inline std::filesystem::path checkpoint_golden(const std::string& name) {
  return std::filesystem::path(FSC_TEST_DATA) / "golden/checkpoints" / name;
}

inline std::string little(uint64_t value, size_t width) {
  std::string bytes;
  for (size_t i = 0; i < width; ++i) bytes += static_cast<char>(i < 8 ? value >> (8 * i) & 0xFF : 0);
  return bytes;
}

/// One entry; the numbers that are not its own are what its headers claim.
struct ZipPart {
  ZipPart(std::string entry_name, std::string contents)
      : name(std::move(entry_name)),
        local_name(name),
        bytes(std::move(contents)),
        size(bytes.size()),
        stored(bytes.size()),
        crc(static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()))) {}
  std::string name, local_name, bytes;
  uint64_t size, stored, shift = 0;  ///< shift: added to the offset in the directory
  uint32_t crc;
  uint16_t method = 0, flags = 0;
};

/// A zip archive without ZIP64; `count_lie` is added to the number of entries.
inline std::string zip_bytes(const std::vector<ZipPart>& parts, uint64_t count_lie = 0, const std::string& comment = "") {
  std::string file, directory;
  for (const auto& part : parts) {
    const std::string middle = little(part.flags, 2) + little(part.method, 2) + little(0, 4) + little(part.crc, 4) +
                               little(part.stored, 4) + little(part.size, 4);
    directory += "PK\1\2" + little(20, 2) + little(20, 2) + middle + little(part.name.size(), 2) + little(0, 12) +
                 little(file.size() + part.shift, 4) + part.name;
    file += "PK\3\4" + little(20, 2) + middle + little(part.local_name.size(), 2) + little(0, 2) + part.local_name + part.bytes;
  }
  const uint64_t count = parts.size() + count_lie;
  return file + directory + "PK\5\6" + little(0, 4) + little(count, 2) + little(count, 2) + little(directory.size(), 4) +
         little(file.size(), 4) + little(comment.size(), 2) + comment;
}

/// The words of a protocol 2 pickle.
namespace words {
inline std::string text(const std::string& value) { return "X" + little(value.size(), 4) + value; }
inline std::string integer(int64_t value) { return "\x8A\x08" + little(static_cast<uint64_t>(value), 8); }
inline std::string global(const std::string& module, const std::string& name) { return "c" + module + "\n" + name + "\n"; }
inline std::string tuple(const std::string& items) { return "(" + items + "t"; }
inline std::string dict(const std::string& items) { return "}(" + items + "u"; }
inline std::string integers(const std::vector<int64_t>& values) {
  std::string items;
  for (const int64_t value : values) items += integer(value);
  return tuple(items);
}
inline std::string storage(const std::string& type, const std::string& key, int64_t elements) {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") + integer(elements)) + "Q";
}
inline std::string tensor(const std::string& storage, int64_t offset, const std::vector<int64_t>& sizes,
                          const std::vector<int64_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple(storage + integer(offset) + integers(sizes) + integers(strides) + "\x89" + global("collections", "OrderedDict") +
               ")R") +
         "R";
}
}  // namespace words

inline std::string pickled(const std::string& value) { return "\x80\x02" + value + "."; }

/// The archive of a pickle and one storage of 16 bytes, key "0".
inline std::vector<ZipPart> checkpoint_parts(const std::string& pickle) {
  return {{"m/data.pkl", pickle},
          {"m/byteorder", "little"},
          {"m/data/0", std::string("\0\0\x80\x3F\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 16)}};
}

inline std::string four_floats() { return words::storage("FloatStorage", "0", 4); }

/// Reads the bytes as a file, which is then deleted: the mapping outlives its name.
inline StateDict read_bytes(const std::string& bytes) {
  const TempDir dir;
  return read_checkpoint_file(dir.write("model.pt", bytes)).state;
}

/// The bytes, as a file, must be refused with the path and all of `parts` in the message.
inline void expect_refused(const std::string& bytes, std::vector<std::string> parts) {
  const TempDir dir;
  const auto path = dir.write("model.pt", bytes);
  parts.push_back(path.string());
  expect_error([&] { read_checkpoint_file(path); }, ExitCode::kFailed, parts);
}
inline void expect_pickle_refused(const std::string& value, const std::vector<std::string>& parts) {
  expect_refused(zip_bytes(checkpoint_parts(pickled(value))), parts);
}

}  // namespace fsc::test
