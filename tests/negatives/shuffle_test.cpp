// Bigram shuffle: which texts it can make, how often each, and when there is none.
#include <gtest/gtest.h>

#include <algorithm>

#include "negatives/captions.h"

namespace fsc {
namespace {

using Texts = std::set<std::string>;

const NegativeGenerator& shuffle() {
  static const auto kShuffle = make_shuffle(nullptr);
  return *kShuffle;
}

/// A caption whose words are single letters; those of "~.,!" are punctuation, ~ for one without a blank before it.
Analysis letters(const std::string& text) {
  std::string tokens;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const bool mark = std::string("~.,!").find(word.back()) != std::string::npos;
    tokens += (tokens.empty() ? "" : "|") + word + (mark ? " . PUNCT punct 0" : " NN NOUN dep 0");
  }
  return test::by_hand(tokens);
}

std::map<std::string, int> outcomes(const std::string& text, int draws) {
  return test::outcomes(shuffle(), letters(text), draws);
}

/// The texts that can come out.
Texts texts_of(const Analysis& caption) {
  Texts texts;
  for (const auto& [text, count] : test::outcomes(shuffle(), caption, 1000)) texts.insert(text);
  texts.erase("(none)");
  return texts;
}
Texts texts_of(const std::string& text) { return texts_of(letters(text)); }

TEST(Shuffle, EveryOrderOfThePairsButTheFirstIsEquallyLikely) {
  test::expect_law(outcomes("a b c d e f", 6000),
                   {{"a b e f c d", .2}, {"c d a b e f", .2}, {"c d e f a b", .2}, {"e f a b c d", .2}, {"e f c d a b", .2}});
}

TEST(Shuffle, TwoPairsCanOnlyChangePlaces) {
  EXPECT_EQ(texts_of("a b c d"), Texts{"c d a b"});
  EXPECT_EQ(texts_of("a b c"), Texts{"c a b"});
}

TEST(Shuffle, TenTriesThatGiveTheCaptionAgainAreEnough) {
  EXPECT_NEAR(outcomes("a b c d", 100000)["(none)"], 100000.0 / 1024, 50);  // each try is the caption with a chance of 1/2
}

TEST(Shuffle, ALastSingleMarkIsHeldOutAndPutInFrontOrBehindAPair) {
  // Orders of (a b)(c d) times three places for the mark; a b c d in that order are the caption again, wherever at an edge.
  test::expect_law(outcomes("a b c d ~.", 8000), {{". c d a b", .25}, {"c d. a b", .25}, {"c d a b.", .25}, {"a b. c d", .25}});
}

TEST(Shuffle, AMarkInsideAPairStaysThereWithoutABlank) {
  EXPECT_EQ(texts_of("a ~, c d"), Texts{"c d a,"});
  EXPECT_EQ(texts_of("a b , d"), Texts{", d a b"});
}

TEST(Shuffle, WithoutAnotherOrderThereIsNone) {
  for (const char* text : {"", "a", "a b", "a b ~.", ".", ". .", "a b a b", "a b a b a b"})
    EXPECT_TRUE(texts_of(text).empty()) << text;
  EXPECT_EQ(texts_of("a b a b ~."), Texts{"a b. a b"}) << "the mark alone can move";
}

TEST(Shuffle, TheCaptionIsNeverMadeAgain) {
  for (const char* text : {"a b a b c", "a b c d ~.", "a , a , a", "a a a a b", ". a b c ~."}) {
    const auto caption = letters(text);
    const auto texts = texts_of(caption);
    EXPECT_FALSE(texts.empty()) << text;
    for (const auto& made : texts) EXPECT_NE(made, caption.text);
  }
}

TEST(Shuffle, TokensAreTheParsers) {
  const auto caption = test::analyse("The man's dog isn't on the black-and-white rug.");
  auto sorted = [](std::string text) {
    std::erase(text, ' ');
    std::sort(text.begin(), text.end());
    return text;
  };
  const auto texts = texts_of(caption);
  EXPECT_GT(texts.size(), 10u);
  for (const auto& text : texts) {
    EXPECT_NE(text.find("The man"), text.npos) << text;
    EXPECT_NE(text.find("'s dog"), text.npos) << text;
    EXPECT_NE(text.find("is n't"), text.npos) << text;
    EXPECT_EQ(sorted(text), sorted(caption.text)) << text;
  }
}

TEST(Shuffle, TheRestOfAVeryLongCaptionStaysBehind) {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "word" + std::to_string(i) + " ";
  const auto caption = test::analyse(text + "end");
  ASSERT_EQ(caption.tokens.size(), TextModel::kMaxTokens);
  Rng rng({1});
  const auto made = shuffle().make(caption, rng);
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->ends_with(" word512 word513 " + caption.text.substr(caption.text.find("word514"))))
      << made->substr(made->size() - 900);
}

TEST(Shuffle, OnRealCaptions) {
  EXPECT_EQ(texts_of(test::analyse("A dog sleeps outside.")),
            (Texts{". sleeps outside A dog", "sleeps outside. A dog", "sleeps outside A dog.", "A dog. sleeps outside"}));
  EXPECT_TRUE(texts_of(test::analyse("A dog.")).empty());
}

}  // namespace
}  // namespace fsc
