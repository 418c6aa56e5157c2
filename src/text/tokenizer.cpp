// spaCy's Tokenizer._tokenize_affixes and _apply_special_cases.
#include "text/detail_tokenizer.h"

#include <algorithm>

#include "fsc/core/unicode.h"
#include "text/detail_matrix.h"

namespace fsc::detail {
namespace {

std::string_view text_of(std::string_view text, const Word& word) { return text.substr(word.begin, word.piece->size); }

void append(const Chunk& chunk, size_t begin, std::vector<Word>& words) {
  const float* embedded = chunk.embedded.data();
  for (const Piece& piece : chunk.pieces) {
    words.push_back({&piece, embedded, static_cast<uint32_t>(begin), false});
    begin += piece.size;
    embedded += 2 * kWidth;
  }
}

}  // namespace

std::vector<Piece> Tokenizer::split(std::string_view chunk) const {
  std::vector<Piece> pieces;
  for (const Cut& cut : affixes_.cut(chunk)) {
    Piece piece{static_cast<uint32_t>(cut.text.size()), lower(cut.text), {}, !affixes_.scattered(cut.text).empty()};
    piece.features = lexicon_.features(cut.text, piece.lower, cut.norm);
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

std::vector<Word> Tokenizer::tokenize(std::string_view text, size_t max_words, const ChunkSource& chunks) const {
  std::vector<Word> words = cut(text, max_words, chunks);
  const auto may_scatter = [](const Word& word) { return word.piece->may_scatter; };
  if (std::any_of(words.begin(), words.end(), may_scatter)) words = join(text, words, scattered_specials(text, words), chunks);
  if (words.size() > max_words) words.resize(max_words);
  return words;
}

/// Chunks end where white space begins or ends; a single blank is not a chunk but a mark on the word before it.
std::vector<Word> Tokenizer::cut(std::string_view text, size_t max_words, const ChunkSource& chunks) const {
  std::vector<Word> words;
  size_t begin = 0;
  bool in_space = false;
  for (size_t at = 0; at < text.size() && words.size() < max_words;) {
    const size_t here = at;
    const char32_t c = next_code_point(text, at);
    if (here == 0) in_space = is_space(c);
    if (is_space(c) == in_space) continue;
    if (begin < here) append(chunks(text.substr(begin, here - begin)), begin, words);
    if (c == ' ' && !words.empty()) words.back().space_after = true;
    begin = c == ' ' ? at : here;
    in_space = !in_space;
  }
  if (begin < text.size() && words.size() < max_words) append(chunks(text.substr(begin)), begin, words);
  return words;
}

/// Runs of words that are the words of some special case: of overlapping runs the longest, then the first. As in spaCy a run that
/// is not taken still bars those that touch it.
std::vector<Tokenizer::Range> Tokenizer::scattered_specials(std::string_view text, const std::vector<Word>& words) const {
  std::vector<Range> found;
  for (size_t first = 0; first < words.size(); ++first) {
    if (!words[first].piece->may_scatter) continue;
    for (const auto& special : affixes_.scattered(text_of(text, words[first]))) {
      if (special.words.size() > words.size() - first) continue;
      const auto same = [&](const std::string& expected, const Word& word) { return expected == text_of(text, word); };
      if (std::equal(special.words.begin(), special.words.end(), words.begin() + static_cast<ptrdiff_t>(first), same))
        found.push_back({first, first + special.words.size()});
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Range& a, const Range& b) { return a.size() != b.size() ? a.size() > b.size() : a.first < b.first; });
  std::vector<char> barred(words.size(), 0);
  std::vector<Range> taken;
  for (const Range& range : found) {
    if (!barred[range.first] && !barred[range.last - 1]) taken.push_back(range);
    std::fill(barred.begin() + static_cast<ptrdiff_t>(range.first), barred.begin() + static_cast<ptrdiff_t>(range.last), 1);
  }
  std::sort(taken.begin(), taken.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  return taken;
}

std::vector<Word> Tokenizer::join(std::string_view text, const std::vector<Word>& words, const std::vector<Range>& specials,
                                  const ChunkSource& chunks) const {
  std::vector<Word> joined;
  size_t next = 0;
  const auto copy_until = [&](size_t end) {
    joined.insert(joined.end(), words.begin() + static_cast<ptrdiff_t>(next), words.begin() + static_cast<ptrdiff_t>(end));
  };
  for (const Range& range : specials) {
    const Word &first = words[range.first], &last = words[range.last - 1];
    const std::string_view special = text.substr(first.begin, last.end() - first.begin);
    if (!affixes_.is_special(special)) continue;  // blanks stand between its words
    copy_until(range.first);
    append(chunks(special), first.begin, joined);
    joined.back().space_after = last.space_after;
    next = range.last;
  }
  copy_until(words.size());
  return joined;
}

}  // namespace fsc::detail
