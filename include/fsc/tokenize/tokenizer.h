// Text to token ids, as open_clip does it for CLIP.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fsc {

/// What happened to one text on its way to ids.
struct EncodeReport {
  bool truncated = false;     ///< more ids than the context holds; the last one is EOT, as in open_clip
  bool mojibake = false;      ///< looks like UTF-8 read as Windows-1252 or Latin-1; ftfy would repair it, we do not
  bool invalid_utf8 = false;  ///< had bytes that are no UTF-8 (read as U+FFFD)
};

/// A tokenizer is immutable after loading; encode() may be called from any thread.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// SOT + ids + EOT, at most `context_length` ids; no padding. `report` may be null.
  virtual std::vector<int64_t> encode(std::string_view text, int64_t context_length, EncodeReport* report = nullptr) const = 0;
  virtual int64_t vocab_size() const = 0;
  virtual int64_t pad_id() const = 0;
  /// SHA-256 of the vocabulary file; goes into checkpoints.
  virtual const std::string& fingerprint() const = 0;
};

/// Cleaned text: ftfy's ordinary repairs, html unescaped twice, white space collapsed, lower case (open_clip's default clean).
/// `report` may be null.
std::string clean_text(std::string_view text, EncodeReport* report = nullptr);

/// CLIP's byte-level BPE. `vocabulary` is bpe_simple_vocab_16e6.txt (uncompressed). Error names the file and the line.
std::unique_ptr<Tokenizer> load_clip_tokenizer(const std::filesystem::path& vocabulary);

}  // namespace fsc
