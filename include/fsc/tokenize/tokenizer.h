// Text to token ids, as open_clip does it for CLIP and for SigLIP.
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
  /// CLIP: SOT + ids + EOT; sentencepiece: ids + EOS. At most `context_length` ids, the last one being EOT or EOS; no padding.
  /// `report` may be null.
  virtual std::vector<int64_t> encode(std::string_view text, int64_t context_length, EncodeReport* report = nullptr) const = 0;
  virtual int64_t vocab_size() const = 0;
  virtual int64_t pad_id() const = 0;
  /// Texts are padded to the whole context, not to the longest of a batch: SigLIP's text tower sees the padding. Such texts
  /// have no SOT, and all their ids are words or EOS.
  virtual bool fills_context() const { return false; }
  /// SHA-256 of the vocabulary file; goes into checkpoints.
  virtual const std::string& fingerprint() const = 0;
};

/// open_clip's clean functions. All begin with ftfy's ordinary repairs and html unescaped twice, and collapse white space.
enum class TextClean {
  kWhitespace,    ///< no more than that
  kLower,         ///< and lower case: open_clip's default for CLIP
  kCanonicalize,  ///< and lower case without ASCII punctuation, "_" being a space: SigLIP's
};

/// `report` may be null.
std::string clean_text(std::string_view text, EncodeReport* report = nullptr, TextClean clean = TextClean::kLower);

/// CLIP's byte-level BPE. `vocabulary` is bpe_simple_vocab_16e6.txt (uncompressed). Error names the file and the line.
std::unique_ptr<Tokenizer> load_clip_tokenizer(const std::filesystem::path& vocabulary);

/// A sentencepiece model (T5's unigram for SigLIP, Gemma's BPE for SigLIP2), read as open_clip's HFTokenizer reads it. Padding is
/// Gemma's <pad> where the model falls back to bytes, else EOS, as SigLIP was trained. Error: unreadable, no such model, or one
/// without EOS.
std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const std::filesystem::path& model,
                                                        TextClean clean = TextClean::kCanonicalize);

/// CLIP's vocabulary file as text, for tools that keep it in another form.
struct ClipVocabulary {
  std::vector<std::string> tokens;  ///< by id; bytes as printable characters, "</w>" at the end of a word
  std::vector<std::string> merges;  ///< "left right", by rank
};
/// Error as for load_clip_tokenizer.
ClipVocabulary read_clip_vocabulary(const std::filesystem::path& vocabulary);

}  // namespace fsc
