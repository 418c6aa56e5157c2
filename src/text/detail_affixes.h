// Cuts a run of text without blanks into words: special cases, prefixes, suffixes, infixes, URLs.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/detail_lexicon.h"
#include "text/detail_reader.h"
#include "text/detail_regex.h"

namespace fsc::detail {

/// A word as it is cut out, with the norm a special case gives it ("" where there is none). Views into the chunk and the rules.
struct Cut {
  std::string_view text, norm;
};

/// spaCy's rules for chunks: what str.split would yield, and runs of white space.
class Affixes {
 public:
  /// Longer chunks are kept in one piece: trying each affix again after each cut takes time that grows with the square of the
  /// length.
  static constexpr size_t kMaxChunk = 1000;

  explicit Affixes(Reader& reader);
  std::vector<Cut> cut(std::string_view chunk) const { return cut(chunk, true); }

  /// A special case that may also have come apart into words, and those words. spaCy looks for them once a text is cut.
  struct Scattered {
    std::string_view special;
    std::vector<std::string> words;
  };
  /// All special cases that begin with the word; empty for most.
  const std::vector<Scattered>& scattered(std::string_view first_word) const;
  bool is_special(std::string_view text) const { return specials_.find(text) != specials_.end(); }

 private:
  struct Stripped {
    std::vector<std::string_view> prefixes, suffixes;  ///< suffixes from the outermost inwards
    std::string_view rest;
  };
  using Special = std::vector<std::pair<std::string, std::string>>;  ///< words and their norms

  std::vector<Cut> cut(std::string_view chunk, bool with_specials) const;
  Stripped strip(std::string_view chunk, bool with_specials) const;
  void cut_infixes(std::string_view text, std::vector<Cut>& cuts) const;
  void read_specials(Reader& reader);
  void find_scattered();

  Regex prefix_, suffix_, infix_, url_;
  StringMap<Special> specials_;
  StringMap<std::vector<Scattered>> scattered_;
};

}  // namespace fsc::detail
