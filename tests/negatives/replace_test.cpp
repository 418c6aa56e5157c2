// Replace: what is drawn in an element's place, with which chance, in which form and case.
#include <gtest/gtest.h>

#include "negatives/captions.h"

namespace fsc {
namespace {

using test::by_hand;
using test::expect_law;
using Texts = std::set<std::string>;

const NegativeGenerator& replace() {
  static const auto kReplace = make_replace(test::text_model());
  return *kReplace;
}
std::map<std::string, int> outcomes(const Analysis& caption, int draws) { return test::outcomes(replace(), caption, draws); }
Texts support(const Analysis& caption) { return test::support(replace(), caption); }
Texts support(const char* caption) { return support(test::analyse(caption)); }

/// Two made-up words, of which WordNet knows nothing, with a preposition between them.
Analysis nothing_but_a_preposition() {
  return by_hand("xyzzy NN NOUN ROOT 0|In IN ADP prep 0|plugh NN NOUN pobj 1", {{0, 1}, {2, 3}});
}

/// The chance to be the first or, as often, the second of two weighted draws without replacement.
std::vector<double> two_draws(const std::vector<double>& weights) {
  double total = 0;
  for (const double weight : weights) total += weight;
  std::vector<double> chances;
  for (size_t i = 0; i < weights.size(); ++i) {
    double second = 0;
    for (size_t j = 0; j < weights.size(); ++j) {
      if (j != i) second += weights[j] / total * weights[i] / (total - weights[j]);
    }
    chances.push_back(0.5 * weights[i] / total + 0.5 * second);
  }
  return chances;
}

TEST(Replace, PrepositionsByTheirWeightsWithoutTheOneThatStandsThere) {
  std::vector<std::string> texts;
  std::vector<double> weights;
  for (const auto& [word, weight] : test::text_model()->phrases().prepositions) {
    if (word == "in") continue;
    texts.push_back("xyzzy " + title_case(word) + " plugh");
    weights.push_back(weight);
  }
  ASSERT_EQ(texts.size(), 74u);
  const auto chances = two_draws(weights);
  std::map<std::string, double> law;
  for (size_t i = 0; i < texts.size(); ++i) law[texts[i]] = chances[i];
  expect_law(outcomes(nothing_but_a_preposition(), 60'000), law);
  EXPECT_EQ(support(nothing_but_a_preposition()), Texts(texts.begin(), texts.end()));
}

TEST(Replace, AWordByTheWeightsOfWordNet) {
  // The other elements have no candidates: a made-up noun and an article.
  const auto caption = by_hand("the DT DET det 1|xyzzy NN NOUN ROOT 1|kitten NN NOUN conj 1", {{0, 2}, {2, 3}});
  const auto& wordnet = test::text_model()->wordnet();
  const auto list = wordnet.replacements("kitten", WordClass::kNoun);
  ASSERT_GT(list->size(), 10u);
  std::map<std::string, double> law;
  std::vector<double> weights;
  for (size_t i = 0; i < list->size(); ++i) weights.push_back(list->cumulative[i] - (i ? list->cumulative[i - 1] : 0));
  const auto chances = two_draws(weights);
  for (size_t i = 0; i < list->size(); ++i) {
    std::string word(wordnet.lemma(list->lemmas[i]));
    word = test::text_model()->inflections().inflect(word, "NN");
    std::replace(word.begin(), word.end(), '_', ' ');
    law["the xyzzy " + word] += chances[i];
  }
  expect_law(outcomes(caption, 60'000), law);
}

TEST(Replace, ElementsWithTwoCandidatesOrMoreHaveTheSameChance) {
  const auto caption = by_hand("dog NN NOUN ROOT 0|in IN ADP prep 0|plugh NN NOUN pobj 1", {{0, 1}, {2, 3}});
  int prepositions = 0;
  for (const auto& [text, count] : outcomes(caption, 4000)) prepositions += text.starts_with("dog ") ? count : 0;
  EXPECT_NEAR(prepositions, 2000, 160);
}

TEST(Replace, ARelationOfCoordinatedNounsWeighsOnceForEachPair) {
  // dog in plugh and frob: the relation stands twice in the graph, the noun once.
  const auto caption = by_hand("dog NN NOUN ROOT 0|in IN ADP prep 0|plugh NN NOUN pobj 1|and CC CCONJ cc 2|frob NN NOUN conj 2",
                               {{0, 1}, {2, 3}, {4, 5}});
  int prepositions = 0;
  for (const auto& [text, count] : outcomes(caption, 4500)) prepositions += text.starts_with("dog ") ? count : 0;
  EXPECT_NEAR(prepositions, 3000, 160);
}

TEST(Replace, WithoutTwoThingsAndAWordAboutThemThereIsNone) {
  for (const char* caption : {"", "dog", ".", "a dog", "A dog.", "Dogs and cats", "A dog sleeps."})
    EXPECT_TRUE(support(caption).empty()) << caption;
  EXPECT_FALSE(support("A dog and a cat").empty()) << "articles say something";
}

TEST(Replace, APhrasalPrepositionGivesWayAsAWhole) {
  const auto found = support("A man in front of a fountain holds a map.");
  EXPECT_TRUE(found.contains("A man behind a fountain holds a map."));
  EXPECT_TRUE(found.contains("A man on top of a fountain holds a map."));
  EXPECT_FALSE(found.contains("A man in front of a fountain holds a map."));
  for (const auto& text : found) EXPECT_EQ(text.find("in behind"), text.npos) << text;
}

TEST(Replace, NumbersAndArticlesStay) {
  for (const auto& text : support("Two brown dogs chase a cat.")) EXPECT_TRUE(text.starts_with("Two ")) << text;
}

TEST(Replace, PluralsStayPlural) {
  const auto found = support("Two brown dogs chase a cat.");
  EXPECT_TRUE(found.contains("Two brown cats chase a cat."));
  EXPECT_FALSE(found.contains("Two brown cat chase a cat."));
  EXPECT_TRUE(found.contains("Two brown boys chase a cat."));
}

TEST(Replace, VerbsKeepTheirForm) {
  const auto found = support("A woman is carrying a basket.");
  const auto& wordnet = test::text_model()->wordnet();
  size_t changed = 0;
  for (const uint32_t lemma : wordnet.replacements("carrying", WordClass::kVerb)->lemmas) {
    const auto form = test::text_model()->inflections().inflect(wordnet.lemma(lemma), "VBG");
    if (form == wordnet.lemma(lemma)) continue;  // not in the table
    ++changed;
    EXPECT_TRUE(found.contains("A woman is " + form + " a basket.")) << form;
    EXPECT_FALSE(found.contains("A woman is " + std::string(wordnet.lemma(lemma)) + " a basket.")) << wordnet.lemma(lemma);
  }
  EXPECT_GT(changed, 10u);
}

TEST(Replace, CaseIsKept) {
  const auto upper = support("A DOG AND A CAT IN A GARDEN");
  EXPECT_GT(upper.size(), 10u);
  for (const auto& text : upper) EXPECT_TRUE(is_upper_case(text)) << text;
  size_t titles = 0;
  for (const auto& text : support("Wooden Table Near A Window")) {
    EXPECT_TRUE(is_title_case(text)) << text;
    ++titles;
  }
  EXPECT_GT(titles, 10u);
}

TEST(Replace, UnderscoresBecomeBlanks) {
  const auto found = support("A small dog near a large cat.");
  size_t several = 0;
  for (const auto& text : found) {
    EXPECT_EQ(text.find('_'), text.npos) << text;
    several += std::count(text.begin(), text.end(), ' ') > 6;
  }
  EXPECT_GT(several, 10u);
}

TEST(Replace, EverythingMadeIsInTheSupport) {
  for (const char* text : {"A tall man rides a brown horse along the beach.", "The piano is played by a young woman.",
                           "a red and white bus stops in front of the old station", "She quickly swings at a ball."}) {
    const auto caption = test::analyse(text);
    const auto allowed = support(caption);
    for (const auto& [made, count] : outcomes(caption, 500)) EXPECT_TRUE(allowed.contains(made)) << made;
  }
}

}  // namespace
}  // namespace fsc
