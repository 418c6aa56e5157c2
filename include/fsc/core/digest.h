// SHA-256 of bytes and files, for fingerprints of data, tokenizers and checkpoints; 64 bits to find what is equal.
#pragma once
#include <cstdint>
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

/// 64 bits of a text or of an image's bytes, eight bytes at a time: fast, and safe from accidents only. Part of a run's identity
/// (names of samples): never change it.
uint64_t hash_text(std::string_view text);

}  // namespace fsc
