// Bigram shuffle: which texts it can make, how often each, and when there is none.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

/// What comes out over `draws` streams, with counts.
std::map<std::string, int> outcomes(const std::string& caption, int draws) {
  std::map<std::string, int> counts;
  for (int i = 0; i < draws; ++i) {
    Rng rng({17, static_cast<uint64_t>(i)});
    ++counts[shuffle_caption(caption, rng).value_or("(none)")];
  }
  return counts;
}

/// The texts that can come out; empty where there is never one.
std::set<std::string> support(const std::string& caption) {
  std::set<std::string> texts;
  for (const auto& [text, count] : outcomes(caption, 1000)) texts.insert(text);
  texts.erase("(none)");
  return texts;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

/// Every count within five standard deviations of an even share.
void expect_even(const std::map<std::string, int>& counts, size_t kinds, int draws) {
  EXPECT_EQ(counts.size(), kinds);
  const double share = static_cast<double>(draws) / static_cast<double>(kinds);
  for (const auto& [text, count] : counts) EXPECT_NEAR(count, share, 5 * std::sqrt(share)) << text;
}

TEST(Shuffle, EveryOrderOfThePairsButTheFirstIsEquallyLikely) {
  const auto counts = outcomes("a dog chases two cats .", 6000);  // the mark makes the third pair full: it is not held out
  EXPECT_EQ(counts.count("a dog chases two cats."), 0u);
  EXPECT_TRUE(counts.count("chases two a dog cats.")) << "a mark inside a pair is written to its word";
  expect_even(counts, 5, 6000);
}

TEST(Shuffle, TwoPairsCanOnlyChangePlaces) {
  EXPECT_EQ(support("one two three four"), (std::set<std::string>{"three four one two"}));
  EXPECT_EQ(support("one two three"), (std::set<std::string>{"three one two"}));
}

TEST(Shuffle, TenTriesThatGiveTheCaptionAgainAreEnough) {
  auto counts = outcomes("one two three four", 100000);  // each try is the caption with a chance of 1/2
  EXPECT_NEAR(counts["(none)"], 100000.0 / 1024, 50);
}

TEST(Shuffle, ALastSingleMarkIsHeldOutAndPutInFrontOrBehindAPair) {
  // Orders of (A B)(C D) times three places for the mark; AB CD in that order are the caption again, wherever at an edge.
  const auto found = support("A B C D .");
  EXPECT_EQ(found, (std::set<std::string>{". C D A B", "C D. A B", "C D A B.", "A B. C D"}));
}

TEST(Shuffle, TheCaptionIsNeverMadeAgain) {
  for (const std::string caption : {"a b a b c", "the cat and the cat and the dog", "one two three", "A B C D .", "a , b , a , c",
                                    "x x x x y", "a dog runs - and a cat runs - too", "' a b c '"}) {
    for (const auto& text : support(caption)) {
      EXPECT_NE(text, caption);
      EXPECT_NE(words(text), words(caption)) << text;
    }
  }
}

TEST(Shuffle, WithoutAnotherOrderThereIsNone) {
  for (const char* caption : {"", "   ", "dog", "a dog", "a dog .", ".", ". .", "a dog a dog", "a dog a dog a dog"}) {
    EXPECT_TRUE(support(caption).empty()) << caption << " -> " << *support(caption).begin();
  }
  EXPECT_EQ(support("a dog a dog ."), (std::set<std::string>{"a dog. a dog"}));  // the mark alone can move
}

TEST(Shuffle, AMarkWrittenToItsWordMovesWithIt) {
  EXPECT_EQ(support("a dog runs fast."), (std::set<std::string>{"runs fast. a dog"}));
  EXPECT_EQ(support("a dog runs."), (std::set<std::string>{"runs. a dog"}));
}

TEST(Shuffle, SymbolsAndNumbersAreWordsNotMarks) {
  EXPECT_EQ(support("one two 3"), (std::set<std::string>{"3 one two"}));
  EXPECT_EQ(support("one two $"), (std::set<std::string>{"$ one two"}));
  EXPECT_EQ(support("one two +"), (std::set<std::string>{"+ one two"}));
  EXPECT_TRUE(support("one two …").empty());  // U+2026, a mark: one pair is left
  EXPECT_TRUE(support("one two “").empty());
}

TEST(Shuffle, WhitespaceOfAnyKindSeparates) {
  EXPECT_EQ(support("  one\ttwo \n three\r\nfour  "), (std::set<std::string>{"three four one two"}));
}

TEST(Shuffle, WordsAndPairsAreKept) {
  const std::string caption = "a small brown dog with 犬 tags jumps over the très long fence";
  auto sorted = words(caption);
  std::sort(sorted.begin(), sorted.end());
  for (const auto& text : support(caption)) {
    auto made = words(text);
    EXPECT_NE(text.find("a small"), std::string::npos) << text;
    EXPECT_NE(text.find("with 犬"), std::string::npos) << text;
    std::sort(made.begin(), made.end());
    EXPECT_EQ(made, sorted) << text;
  }
}

TEST(Shuffle, TheStreamAloneDecides) {
  const std::string caption = "a man in a red hat rides a brown horse along the beach";
  std::set<std::string> seen;
  for (uint64_t epoch = 0; epoch < 20; ++epoch) {
    Rng first = Rng::of(1, epoch, 5, Stream::kNegatives), second = Rng::of(1, epoch, 5, Stream::kNegatives);
    const auto text = shuffle_caption(caption, first);
    EXPECT_EQ(text, shuffle_caption(caption, second));
    seen.insert(text.value());
  }
  EXPECT_GT(seen.size(), 17u);  // fresh in every epoch
}

TEST(Shuffle, WhatASeedDrawsStaysTheSame) {
  // Part of a run's identity: a resumed run of an older build would change with it.
  Rng rng = Rng::of(0, 0, 0, Stream::kNegatives);
  EXPECT_EQ(shuffle_caption("a man in a red hat rides a brown horse along the beach .", rng),
            "rides a in a a man beach. red hat brown horse along the");
}

}  // namespace
}  // namespace fsc
