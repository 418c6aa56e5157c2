// spaCy's AttributeRuler over the rules of the model, morphology left out.
#include "text/detail_ruler.h"

#include <algorithm>
#include <utility>

namespace fsc::detail {

Ruler::Condition Ruler::read_condition(Reader& reader, const Names& tags, const Names& dependencies) const {
  Condition condition;
  const uint8_t key = reader.u8(), negated = reader.u8();
  if (key > static_cast<uint8_t>(Key::kIsSpace) || negated > 1) reader.fail("a rule's condition of an unknown kind");
  condition.key = static_cast<Key>(key);
  condition.negated = negated == 1;
  if (condition.key == Key::kLower) {
    for (uint32_t left = reader.count(4); left > 0; --left) condition.words.insert(reader.text());
  } else if (condition.key != Key::kIsSpace) {
    const Names& names = condition.key == Key::kTag ? tags : dependencies;
    for (uint32_t left = reader.count(2); left > 0; --left) condition.numbers.push_back(names.read(reader, false));
    std::sort(condition.numbers.begin(), condition.numbers.end());
  }
  return condition;
}

Ruler::Rule Ruler::read_rule(Reader& reader, const Names& tags, const Names& dependencies) const {
  Rule rule;
  rule.tokens.resize(reader.count(4));
  for (auto& conditions : rule.tokens)
    for (uint32_t left = reader.count(2); left > 0; --left) conditions.push_back(read_condition(reader, tags, dependencies));
  if (rule.tokens.empty()) reader.fail("a rule without tokens");
  rule.index = reader.index(static_cast<uint32_t>(rule.tokens.size()), "the token a rule changes");
  rule.tag = tags.read(reader, true);
  const uint8_t pos = reader.u8();
  if (pos > static_cast<uint8_t>(Pos::kX)) reader.fail("the part of speech number " + std::to_string(pos));
  rule.pos = static_cast<Pos>(pos);
  rule.dependency = dependencies.read(reader, true);
  rule.lemma = reader.text();
  return rule;
}

Ruler::Ruler(Reader& reader, const Names& tags, const Names& dependencies) : by_tag_(tags.size()) {
  const uint32_t count = reader.count(17);
  for (uint32_t i = 0; i < count; ++i) {
    rules_.push_back(read_rule(reader, tags, dependencies));
    const Rule& rule = rules_.back();
    if (!rule.lemma.empty()) lemma_rules_.push_back(i);
    if (rule.tag == kNoName && rule.pos == Pos::kNone && rule.dependency == kNoName) continue;
    for (uint16_t tag = 0; tag < tags.size(); ++tag) {
      const auto allows = [tag](const Condition& condition) {
        Token token;
        token.tag = tag;
        return condition.key != Key::kTag || condition.holds({}, token);
      };
      if (std::all_of(rule.tokens[0].begin(), rule.tokens[0].end(), allows)) by_tag_[tag].push_back(i);
    }
  }
}

bool Ruler::Condition::holds(const RuleWord& word, const Token& token) const {
  const auto has = [this](uint16_t number) { return std::binary_search(numbers.begin(), numbers.end(), number); };
  bool found = false;
  switch (key) {
    case Key::kTag:
      found = has(token.tag);
      break;
    case Key::kLower:
      found = words.find(word.lower) != words.end();
      break;
    case Key::kDependency:
      found = has(token.dependency);
      break;
    case Key::kIsSpace:
      found = word.is_space;
      break;
  }
  return found != negated;
}

bool Ruler::Rule::matches(std::span<const RuleWord> words, std::span<const Token> found, size_t first) const {
  if (tokens.size() > found.size() - first) return false;
  for (size_t i = 0; i < tokens.size(); ++i)
    for (const Condition& condition : tokens[i])
      if (!condition.holds(words[first + i], found[first + i])) return false;
  return true;
}

void Ruler::apply(std::span<const RuleWord> words, std::span<Token> tokens) const {
  std::vector<std::pair<uint32_t, size_t>> matches;  // rule, first token
  for (size_t first = 0; first < tokens.size(); ++first)
    for (const uint32_t rule : by_tag_[tokens[first].tag])
      if (rules_[rule].matches(words, tokens, first)) matches.emplace_back(rule, first);
  std::sort(matches.begin(), matches.end());
  for (const auto& [number, first] : matches) {
    const Rule& rule = rules_[number];
    Token& token = tokens[first + rule.index];
    if (rule.tag != kNoName) token.tag = rule.tag;
    if (rule.pos != Pos::kNone) token.pos = rule.pos;
    if (rule.dependency != kNoName) token.dependency = rule.dependency;
  }
}

std::optional<std::string_view> Ruler::lemma(std::span<const RuleWord> words, std::span<const Token> tokens, size_t token) const {
  std::optional<std::string_view> found;
  for (const uint32_t number : lemma_rules_) {
    const Rule& rule = rules_[number];
    if (rule.index <= token && rule.matches(words, tokens, token - rule.index)) found = rule.lemma;
  }
  return found;
}

}  // namespace fsc::detail
