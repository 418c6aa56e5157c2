// Lists of phrases that scene graphs and replacements need.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace fsc {

struct Phrases {
  std::unordered_set<std::string> phrasal_verbs;               ///< "swing at": verb lemma and preposition (SceneGraphParser)
  std::unordered_set<std::string> phrasal_prepositions;        ///< "in front of" (SceneGraphParser)
  std::vector<std::pair<std::string, uint32_t>> prepositions;  ///< those that may replace one another, with their weights

  /// From the compact form in the text model's folder; Error as TextModel::load.
  static Phrases parse(std::string_view bytes, const std::string& name);
};

}  // namespace fsc
