// Lexical attributes as spaCy computes them once for each new word.
#include "text/detail_lexicon.h"

#include <vector>

#include "fsc/core/unicode.h"
#include "text/detail_hash.h"

namespace fsc::detail {
namespace {

std::vector<char32_t> code_points(std::string_view text) {
  std::vector<char32_t> found;
  for (size_t at = 0; at < text.size();) found.push_back(next_code_point(text, at));
  return found;
}

std::string shape_of(const std::vector<char32_t>& text) {
  constexpr size_t kLong = 100, kRun = 4;
  if (text.size() >= kLong) return "LONG";
  std::string shape;
  char32_t last = 0;
  size_t run = 0;
  for (const char32_t c : text) {
    const char32_t kind = is_letter(c) ? (is_upper(c) ? U'X' : U'x') : is_digit(c) ? U'd' : c;
    run = run > 0 && kind == last ? run + 1 : 1;
    last = kind;
    if (run <= kRun) append_utf8(shape, kind);
  }
  return shape;
}

}  // namespace

std::string word_shape(std::string_view text) { return shape_of(code_points(text)); }

Lexicon::Lexicon(Reader& reader) {
  for (uint32_t left = reader.count(12); left > 0; --left) {
    std::string name = reader.text();
    symbols_.emplace(std::move(name), reader.u64());
  }
  for (uint32_t left = reader.count(12); left > 0; --left) {
    const uint64_t word = reader.u64();
    norms_.emplace(word, number(reader.text()));
  }
}

uint64_t Lexicon::number(std::string_view text) const {
  if (text.empty()) return 0;
  const auto symbol = symbols_.find(text);
  return symbol != symbols_.end() ? symbol->second : word_hash(text);
}

WordFeatures Lexicon::features(std::string_view word, std::string_view lower, std::string_view norm) const {
  const std::vector<char32_t> letters = code_points(word);
  WordFeatures features;
  if (!norm.empty()) {
    features.norm = number(norm);
  } else {
    const auto known = norms_.find(number(word));
    features.norm = known != norms_.end() ? known->second : number(lower);
  }
  std::string prefix, suffix;
  if (!letters.empty()) append_utf8(prefix, letters[0]);
  for (size_t i = letters.size() > 3 ? letters.size() - 3 : 0; i < letters.size(); ++i) append_utf8(suffix, letters[i]);
  features.prefix = number(prefix);
  features.suffix = number(suffix);
  features.shape = number(shape_of(letters));
  features.is_space = !letters.empty();
  for (const char32_t c : letters) features.is_space = features.is_space && is_space(c);
  return features;
}

}  // namespace fsc::detail
