// CLIP's byte-level BPE: pieces of cleaned text -> bytes -> merges by rank -> ids, equal to open_clip's SimpleTokenizer.
#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <queue>
#include <system_error>
#include <utility>

#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/unicode.h"
#include "fsc/tokenize/tokenizer.h"
#include "tokenize/detail_html_entities.h"

namespace fsc {
namespace {

// Ids: 256 bytes, the same 256 at the end of a word, one id a merge in the file's order, start and end of text.
constexpr int32_t kMergeCount = 49152 - 256 - 2;
constexpr int32_t kFirstMerge = 512;
constexpr int32_t kStartOfText = kFirstMerge + kMergeCount;
constexpr int32_t kEndOfText = kStartOfText + 1;
constexpr std::string_view kStartName = "<start_of_text>", kEndName = "<end_of_text>";

struct ViewHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using TokenMap = std::unordered_map<std::string, int32_t, ViewHash, std::equal_to<>>;

constexpr uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
}

class ClipTokenizer final : public Tokenizer {
 public:
  explicit ClipTokenizer(const std::filesystem::path& vocabulary);
  std::vector<int64_t> encode(std::string_view text, int64_t context_length, EncodeReport* report) const override;
  int64_t vocab_size() const override { return kEndOfText + 1; }
  int64_t pad_id() const override { return 0; }
  const std::string& fingerprint() const override { return fingerprint_; }

 private:
  void append_word(std::string_view word, std::vector<int64_t>& ids) const;
  std::vector<int32_t> merge(std::string_view word) const;

  std::string fingerprint_;
  std::array<int32_t, 256> byte_ids_;
  std::unordered_map<uint64_t, int32_t> merges_;  ///< pair of ids -> id of the merged token; a lower id merges first
  TokenMap words_;                                ///< whole words that end as one token
};

/// The printable character that the vocabulary file writes for each byte; `order` gives the bytes in the order of their ids.
std::array<std::string, 256> printable_bytes(std::array<int32_t, 256>& byte_ids) {
  const auto prints = [](int b) { return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE; };
  std::array<std::string, 256> names;
  int32_t id = 0;
  char32_t spare = 256;
  for (const bool printable : {true, false}) {
    for (int b = 0; b < 256; ++b) {
      if (prints(b) != printable) continue;
      names[b] = encode_utf8(std::u32string(1, printable ? static_cast<char32_t>(b) : spare++));
      byte_ids[b] = id++;
    }
  }
  return names;
}

std::string read_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  std::string contents(error ? 0 : size, '\0');
  if (error || !file.read(contents.data(), static_cast<std::streamsize>(size))) {
    throw Error("cannot read the vocabulary " + path.string() + ": run scripts/setup, which makes it");
  }
  return contents;
}

[[noreturn]] void damaged(const std::filesystem::path& path, int64_t line, const std::string& what) {
  throw Error(path.string() + ", line " + std::to_string(line) + ": " + what +
              "; this is not CLIP's bpe_simple_vocab_16e6.txt (uncompressed): delete it and run scripts/setup again");
}

/// Cuts the next line off `text`.
std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const auto line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

ClipTokenizer::ClipTokenizer(const std::filesystem::path& vocabulary) {
  const std::string contents = read_file(vocabulary);
  fingerprint_ = sha256_hex(contents);
  std::string_view rest = contents;
  if (next_line(rest).find("#version") == std::string_view::npos) damaged(vocabulary, 1, "no #version header");

  TokenMap ids;                                 // as the file spells tokens
  std::vector<std::string> bytes(kFirstMerge);  // the text of each token, without the end-of-word mark
  const auto names = printable_bytes(byte_ids_);
  for (int b = 0; b < 256; ++b) {
    const int32_t id = byte_ids_[b];
    ids[names[b]] = id;
    ids[names[b] + "</w>"] = id + 256;
    bytes[id] = bytes[id + 256] = std::string(1, static_cast<char>(b));
  }
  std::vector<std::pair<std::string, int32_t>> whole_words;
  for (int32_t id = kFirstMerge; id < kStartOfText; ++id) {
    const int64_t line_number = id - kFirstMerge + 2;
    if (rest.empty()) damaged(vocabulary, line_number, "the file ends before its " + std::to_string(kMergeCount) + " merges");
    const auto line = next_line(rest);
    const size_t space = std::min(line.find(' '), line.size());
    const auto left = ids.find(line.substr(0, space));
    const auto right = ids.find(line.substr(std::min(space + 1, line.size())));
    // Parts older than their merge are also what makes merge() exact.
    if (left == ids.end() || right == ids.end()) damaged(vocabulary, line_number, "no merge of two tokens named before");
    if (!ids.emplace(left->first + right->first, id).second) damaged(vocabulary, line_number, "this merge repeats a token");
    merges_[pair_key(left->second, right->second)] = id;
    bytes.push_back(bytes[left->second] + bytes[right->second]);
    if (right->first.ends_with("</w>")) whole_words.emplace_back(bytes.back(), id);
  }
  // Most words of a caption are one token; the few that merging does not reach (greedy order) stay out.
  for (auto& [word, id] : whole_words) {
    if (merge(word) == std::vector<int32_t>{id}) words_.emplace(std::move(word), id);
  }
}

/// BPE of one word. Merges are taken by rank, then from left to right. A merged token's own merges always rank after the one
/// that made it, so a queue gives the same result as sweeping the word once per rank, in O(n log n).
std::vector<int32_t> ClipTokenizer::merge(std::string_view word) const {
  struct Candidate {
    int32_t merged;
    int32_t at;
    uint64_t pair;
    bool operator>(const Candidate& other) const { return merged != other.merged ? merged > other.merged : at > other.at; }
  };
  const auto size = static_cast<int32_t>(word.size());
  std::vector<int32_t> token(size), next(size), previous(size);  // token is -1 where it was merged into its left neighbour
  for (int32_t i = 0; i < size; ++i) {
    token[i] = byte_ids_[static_cast<uint8_t>(word[i])] + (i + 1 == size ? 256 : 0);
    next[i] = i + 1;
    previous[i] = i - 1;
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto offer = [&](int32_t at) {
    if (at < 0 || next[at] >= size) return;
    const uint64_t pair = pair_key(token[at], token[next[at]]);
    if (const auto found = merges_.find(pair); found != merges_.end()) queue.push({found->second, at, pair});
  };
  for (int32_t i = 0; i < size; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const int32_t right = token[best.at] < 0 ? size : next[best.at];
    if (right >= size || pair_key(token[best.at], token[right]) != best.pair) continue;  // a neighbour has changed since
    token[best.at] = best.merged;
    token[right] = -1;
    next[best.at] = next[right];
    if (next[right] < size) previous[next[right]] = best.at;
    offer(previous[best.at]);
    offer(best.at);
  }
  std::erase(token, -1);
  return token;
}

void ClipTokenizer::append_word(std::string_view word, std::vector<int64_t>& ids) const {
  if (word == kStartName || word == kEndName) {
    ids.push_back(word == kStartName ? kStartOfText : kEndOfText);
  } else if (const auto found = words_.find(word); found != words_.end()) {
    ids.push_back(found->second);
  } else {
    const auto tokens = merge(word);
    ids.insert(ids.end(), tokens.begin(), tokens.end());
  }
}

/// Length of `literal` at the start of `text`, 0 when it is not there. The pattern ignores case: in lower-case text only the
/// long s still differs from its small letter.
size_t match_literal(std::string_view text, std::string_view literal) {
  constexpr std::string_view kLongS = "\u017F";
  size_t at = 0;
  for (const char c : literal) {
    if (at < text.size() && text[at] == c) {
      ++at;
    } else if (c == 's' && text.substr(at).starts_with(kLongS)) {
      at += kLongS.size();
    } else {
      return 0;
    }
  }
  return at;
}

/// What no alternative of the pattern takes: white space, and U+0345 (combining iota below), whose case-folded form is a letter
/// so that the case-insensitive classes of letters and of non-letters both refuse it.
bool is_skipped(char32_t c) { return c == ' ' || c == 0x345; }  // a space is the only white space in cleaned text

enum class Kind { kSkipped, kLetter, kNumber, kOther };

Kind kind_of(char32_t c) {
  if (is_skipped(c)) return Kind::kSkipped;
  return is_letter(c) ? Kind::kLetter : is_number(c) ? Kind::kNumber : Kind::kOther;
}

/// One piece of cleaned text; a word to encode, or characters that the pattern passes over.
struct Piece {
  size_t length;
  bool is_word;
};

/// The piece at the start of `text`, by CLIP's pattern: a special token, a contraction's end, a run of letters, one digit, or a
/// run of others. Letters and digits are those of ICU's Unicode (15); a script added later falls among the others here.
Piece next_piece(std::string_view text) {
  if (text[0] == '<' || text[0] == '\'') {
    for (const auto literal :
         {kStartName, kEndName, std::string_view("'s"), std::string_view("'t"), std::string_view("'re"), std::string_view("'ve"),
          std::string_view("'m"), std::string_view("'ll"), std::string_view("'d")}) {
      if (const size_t length = match_literal(text, literal); length > 0) return {length, true};
    }
  }
  size_t end = 0;
  Kind kind = Kind::kSkipped;
  while (end < text.size()) {
    size_t behind = end;
    const Kind here = kind_of(next_code_point(text, behind));
    if (end == 0) kind = here;
    if (here != kind) break;
    end = behind;
    if (kind == Kind::kNumber) break;
  }
  return {end, kind != Kind::kSkipped};
}

std::vector<int64_t> ClipTokenizer::encode(std::string_view text, int64_t context_length, EncodeReport* report) const {
  if (context_length < 1)
    throw Error("a context of " + std::to_string(context_length) + " tokens cannot hold a text; it must be at least 1");
  const std::string cleaned = clean_text(text, report);
  const auto limit = static_cast<size_t>(context_length);
  std::vector<int64_t> ids{kStartOfText};
  for (std::string_view rest = cleaned; !rest.empty() && ids.size() < limit;) {
    const Piece piece = next_piece(rest);
    if (piece.is_word) append_word(rest.substr(0, piece.length), ids);
    rest.remove_prefix(piece.length);
  }
  ids.push_back(kEndOfText);
  if (ids.size() > limit) {
    if (report) report->truncated = true;
    ids.resize(limit);
    ids.back() = kEndOfText;
  }
  return ids;
}

}  // namespace

std::unique_ptr<Tokenizer> load_clip_tokenizer(const std::filesystem::path& vocabulary) {
  detail::load_html_entities();  // a missing table is told now, not at the first "&" of a run
  return std::make_unique<ClipTokenizer>(vocabulary);
}

ClipVocabulary read_clip_vocabulary(const std::filesystem::path& vocabulary) {
  const ClipTokenizer check(vocabulary);  // from here on the file is known to be whole
  std::array<int32_t, 256> byte_ids;
  const auto names = printable_bytes(byte_ids);
  ClipVocabulary read;
  read.tokens.resize(kFirstMerge);
  for (int b = 0; b < 256; ++b) {
    read.tokens[byte_ids[b]] = names[b];
    read.tokens[byte_ids[b] + 256] = names[b] + "</w>";
  }
  const std::string contents = read_file(vocabulary);
  std::string_view rest = contents;
  next_line(rest);
  for (int32_t i = 0; i < kMergeCount; ++i) {
    const std::string merge(next_line(rest));
    const size_t space = merge.find(' ');
    read.tokens.push_back(merge.substr(0, space) + merge.substr(space + 1));
    read.merges.push_back(merge);
  }
  read.tokens.insert(read.tokens.end(), {"<|startoftext|>", "<|endoftext|>"});
  return read;
}

}  // namespace fsc
