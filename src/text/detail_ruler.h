// The attribute ruler: rules about words, tags and dependencies that correct tags, parts of speech, dependencies and lemmas.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "fsc/text/analysis.h"
#include "text/detail_grammar.h"

namespace fsc::detail {

/// What rules see of a token beside its tag and dependency.
struct RuleWord {
  std::string_view lower;
  bool is_space = false;
};

class Ruler {
 public:
  Ruler(Reader& reader, const Names& tags, const Names& dependencies);

  /// All rules are matched first, then applied in their order, so that a later rule has the last word and none sees another's
  /// work.
  void apply(std::span<const RuleWord> words, std::span<Token> tokens) const;

  /// The lemma that rules give to the token; nullopt when none does. Sees the tags that apply() left.
  std::optional<std::string_view> lemma(std::span<const RuleWord> words, std::span<const Token> tokens, size_t token) const;

 private:
  enum class Key : uint8_t { kTag, kLower, kDependency, kIsSpace };
  struct Condition {
    Key key = Key::kTag;
    bool negated = false;
    std::vector<uint16_t> numbers;  ///< sorted: tags or dependencies
    std::unordered_set<std::string, StringHash, std::equal_to<>> words;
    bool holds(const RuleWord& word, const Token& token) const;
  };
  struct Rule {
    std::vector<std::vector<Condition>> tokens;
    size_t index = 0;  ///< of the token that is changed
    uint16_t tag = kNoName, dependency = kNoName;
    Pos pos = Pos::kNone;
    std::string lemma;
    bool matches(std::span<const RuleWord> words, std::span<const Token> found, size_t first) const;
  };

  Condition read_condition(Reader& reader, const Names& tags, const Names& dependencies) const;
  Rule read_rule(Reader& reader, const Names& tags, const Names& dependencies) const;

  std::vector<Rule> rules_;
  std::vector<std::vector<uint32_t>> by_tag_;  ///< rules that change more than a lemma, by the tags their first token may have
  std::vector<uint32_t> lemma_rules_;
};

}  // namespace fsc::detail
