// Lemmas of verbs by exceptions and endings.
#pragma once
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "text/detail_lexicon.h"

namespace fsc::detail {

class Verbs {
 public:
  explicit Verbs(Reader& reader);
  /// spaCy's rule lemma of an inflected verb: the word itself, as it is written, when no rule gives one.
  std::string lemma(std::string_view word) const;

 private:
  StringMap<std::vector<std::string>> exceptions_;
  std::unordered_set<std::string, StringHash, std::equal_to<>> known_;
  std::vector<std::pair<std::string, std::string>> endings_;  ///< old, new
};

}  // namespace fsc::detail
