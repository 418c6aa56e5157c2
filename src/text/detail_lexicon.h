// What the network sees of a word: numbers of its norm, first letter, last three letters and shape.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "text/detail_reader.h"

namespace fsc::detail {

/// Looks std::string keys up by std::string_view.
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

/// A word's features, all but whether a blank follows.
struct WordFeatures {
  uint64_t norm = 0, prefix = 0, suffix = 0, shape = 0;
  bool is_space = false;
};

/// "Xxx-dd" for "Fur-12": letters and digits by kind, runs cut after four; "LONG" from 100 characters on.
std::string word_shape(std::string_view text);

class Lexicon {
 public:
  explicit Lexicon(Reader& reader);
  /// spaCy's number of a string: that of its table of symbols, else the hash; 0 for "".
  uint64_t number(std::string_view text) const;
  /// `norm` is the one a special case lays down, "" where there is none; `lower` is the word in lower case.
  WordFeatures features(std::string_view word, std::string_view lower, std::string_view norm) const;

 private:
  StringMap<uint64_t> symbols_;
  std::unordered_map<uint64_t, uint64_t> norms_;  ///< number of a word -> number of its norm
};

}  // namespace fsc::detail
