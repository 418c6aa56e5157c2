// A regular file: its structure is read into memory at explicit positions, its tensors are mapped.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace fsc::detail {

/// The bytes of a whole file in memory: a private (copy on write) mapping, or a copy where the file system cannot map.
class Mapping {
 public:
  Mapping(const std::filesystem::path& path, int fd, uint64_t size);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  char* data() const { return data_; }
  uint64_t size() const { return size_; }

 private:
  char* data_ = nullptr;
  uint64_t size_ = 0;
  std::unique_ptr<char[]> copy_;
};

/// Reads never go past the size the file had when it was opened; a file that has become shorter is an Error. What is parsed is
/// read by read() and bytes(), so that a file that changes meanwhile cannot show two faces to the checks.
class InputFile {
 public:
  /// Error says why it cannot be opened; a folder or a device is refused.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string name() const { return path_.string(); }
  uint64_t size() const { return size_; }

  void read(void* target, uint64_t position, uint64_t count) const;
  std::string bytes(uint64_t position, uint64_t count) const;
  /// Up to `count` bytes from the start.
  std::string head(uint64_t count) const;
  std::shared_ptr<Mapping> map() const;

 private:
  std::filesystem::path path_;
  int fd_;
  uint64_t size_ = 0;
};

/// A tensor over the bytes of `mapping` from `position` on (bounds are the caller's), which it keeps alive; where they lie
/// askew for the dtype, a copy. `span` is the number of elements from the first to the last one used.
torch::Tensor mapped_tensor(const std::shared_ptr<Mapping>& mapping, uint64_t position, uint64_t span, at::IntArrayRef sizes,
                            at::IntArrayRef strides, c10::ScalarType dtype);

/// Error when one of the bytes, which are a tensor of dtype bool, is neither 0 nor 1: using it is undefined behaviour.
void check_bool_bytes(std::string_view bytes, const std::string& where, const std::string& tensor);

/// 'name' for a message: cut at 200 bytes, unprintable ones as '?'.
std::string quote_name(std::string_view name);

}  // namespace fsc::detail
