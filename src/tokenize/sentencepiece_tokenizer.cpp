// SigLIP's tokenizers: open_clip's clean-up, then a sentencepiece model, then EOS.
#include <sentencepiece_processor.h>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/tokenize/tokenizer.h"
#include "tokenize/detail_html_entities.h"

namespace fsc {
namespace {

/// Of a longer text only the beginning is encoded, which has more ids than a context holds: sentencepiece's time grows with the
/// square of a run of unknown characters.
constexpr size_t kMostBytes = 1 << 16;

/// Cuts `text` to kMostBytes or less, between two characters; true where anything was cut off.
bool cut_long(std::string& text) {
  if (text.size() <= kMostBytes) return false;
  size_t size = kMostBytes;
  while ((text[size] & 0xC0) == 0x80) --size;
  text.resize(size);
  return true;
}

class SentencepieceTokenizer final : public Tokenizer {
 public:
  SentencepieceTokenizer(const std::filesystem::path& path, TextClean clean);
  std::vector<int64_t> encode(std::string_view text, int64_t context_length, EncodeReport* report) const override;
  int64_t vocab_size() const override { return model_.GetPieceSize(); }
  int64_t pad_id() const override { return pad_id_; }
  bool fills_context() const override { return true; }
  const std::string& fingerprint() const override { return fingerprint_; }

 private:
  bool falls_back_to_bytes() const;

  sentencepiece::SentencePieceProcessor model_;
  TextClean clean_;
  int64_t pad_id_ = 0;
  std::string fingerprint_;
};

SentencepieceTokenizer::SentencepieceTokenizer(const std::filesystem::path& path, TextClean clean) : clean_(clean) {
  const std::string contents = read_file(path);
  const auto status = model_.LoadFromSerializedProto(contents);
  if (!status.ok() || model_.GetPieceSize() < 1)
    throw Error(path.string() + " is not a sentencepiece model (" + status.ToString() +
                "); give the tokenizer's .model file, not its JSON");
  if (model_.eos_id() < 0) throw Error(path.string() + " has no end-of-sentence piece, which SigLIP's texts end with");
  pad_id_ = falls_back_to_bytes() && model_.pad_id() >= 0 ? model_.pad_id() : model_.eos_id();
  fingerprint_ = sha256_hex(contents);
}

bool SentencepieceTokenizer::falls_back_to_bytes() const {
  for (int id = 0; id < model_.GetPieceSize(); ++id) {
    if (model_.IsByte(id)) return true;
  }
  return false;
}

std::vector<int64_t> SentencepieceTokenizer::encode(std::string_view text, int64_t context_length, EncodeReport* report) const {
  if (context_length < 1)
    throw Error("a context of " + std::to_string(context_length) + " tokens cannot hold a text; it must be at least 1");
  std::string cleaned = clean_text(text, report, clean_);
  const bool cut = cut_long(cleaned);
  if (report) report->truncated = cut;
  std::vector<int> pieces;
  const auto status = model_.Encode(cleaned, &pieces);
  if (!status.ok()) throw Error("the sentencepiece model cannot encode a text: " + status.ToString());
  const auto limit = static_cast<size_t>(context_length);
  if (pieces.size() >= limit) {
    if (report) report->truncated = true;
    pieces.resize(limit - 1);
  }
  std::vector<int64_t> ids(pieces.begin(), pieces.end());
  ids.push_back(model_.eos_id());
  return ids;
}

}  // namespace

std::unique_ptr<Tokenizer> load_sentencepiece_tokenizer(const std::filesystem::path& model, TextClean clean) {
  detail::load_html_entities();  // a missing table is told now, not at the first "&" of a run
  return std::make_unique<SentencepieceTokenizer>(model, clean);
}

}  // namespace fsc
