// SHA-256 of bytes and files, for fingerprints of data, tokenizers and checkpoints.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace fsc {

/// Lower-case hex SHA-256.
std::string sha256_hex(std::string_view bytes);
/// Of a file's contents, streamed; Error names the file.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace fsc
