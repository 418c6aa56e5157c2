// SHA-256 of bytes and files, for fingerprints of data, tokenizers and checkpoints.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace fsc {

/// SHA-256 of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(std::string_view bytes);
  /// Lower-case hex; at most once, and the last call.
  std::string hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// Lower-case hex SHA-256.
std::string sha256_hex(std::string_view bytes);
/// Of a file's contents, streamed; Error names the file.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace fsc
