// What the tests of negatives share: the model, analyses written by hand, and counts of what is drawn.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "fsc/negatives/generator.h"
#include "fsc/negatives/negatives.h"

namespace fsc::test {

inline std::shared_ptr<const TextModel> text_model() { return TextModel::shared(); }
inline Analysis analyse(std::string_view caption) { return text_model()->analyse(caption); }

inline Pos pos_of(const std::string& name) {
  for (int pos = 0; pos <= static_cast<int>(Pos::kX); ++pos) {
    if (name == pos_name(static_cast<Pos>(pos))) return static_cast<Pos>(pos);
  }
  throw std::invalid_argument("no part of speech " + name);
}

/// An analysis that no parser decides on: "a DT DET det 1|dog NN NOUN ROOT 1" and the noun chunks {{0, 2}}. Words are joined by
/// blanks; one that begins with ~ is written to the word before it.
inline Analysis by_hand(const std::string& tokens, std::vector<Span> chunks = {}) {
  Analysis analysis;
  std::istringstream parts(tokens);
  for (std::string part; std::getline(parts, part, '|');) {
    std::istringstream fields(part);
    std::string word, tag, pos, dependency;
    Token token;
    fields >> word >> tag >> pos >> dependency >> token.head;
    if (word.starts_with('~')) {
      word.erase(0, 1);
    } else if (!analysis.tokens.empty()) {
      analysis.tokens.back().space_after = true;
      analysis.text += ' ';
    }
    token.begin = static_cast<uint32_t>(analysis.text.size());
    analysis.text += word;
    token.end = static_cast<uint32_t>(analysis.text.size());
    token.tag = text_model()->tag(tag);
    token.dependency = text_model()->dependency(dependency);
    token.pos = pos_of(pos);
    analysis.tokens.push_back(token);
  }
  analysis.noun_chunks = std::move(chunks);
  return analysis;
}

/// What comes out over `draws` streams, with counts; "(none)" where nothing does.
inline std::map<std::string, int> outcomes(const NegativeGenerator& generator, const Analysis& caption, int draws) {
  std::map<std::string, int> counts;
  for (int i = 0; i < draws; ++i) {
    Rng rng({17, static_cast<uint64_t>(i)});
    ++counts[generator.make(caption, rng).value_or("(none)")];
  }
  return counts;
}

inline std::set<std::string> support(const NegativeGenerator& generator, const Analysis& caption) {
  const auto texts = generator.support(caption);
  return {texts.begin(), texts.end()};
}

/// Each text has the expected chance, within five standard deviations; nothing else comes out.
inline void expect_law(const std::map<std::string, int>& counts, const std::map<std::string, double>& chances) {
  double draws = 0;
  for (const auto& [text, count] : counts) {
    EXPECT_TRUE(chances.contains(text)) << "unexpected: " << text;
    draws += count;
  }
  EXPECT_GT(draws, 0);
  for (const auto& [text, chance] : chances) {
    const auto found = counts.find(text);
    EXPECT_NEAR(found == counts.end() ? 0 : found->second, draws * chance, 5 * std::sqrt(draws * chance * (1 - chance)) + 1)
        << text;
  }
}

}  // namespace fsc::test
