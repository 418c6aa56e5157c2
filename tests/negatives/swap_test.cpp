// Swap: which spans it takes from an analysis, how they are drawn, how the text changes.
#include <gtest/gtest.h>

#include "negatives/captions.h"

namespace fsc {
namespace {

using test::by_hand;
using test::expect_law;
using Texts = std::set<std::string>;

const NegativeGenerator& swap() {
  static const auto kSwap = make_swap(test::text_model());
  return *kSwap;
}
std::map<std::string, int> swap_outcomes(const Analysis& caption, int draws = 4000) {
  return test::outcomes(swap(), caption, draws);
}
Texts swap_support(const Analysis& caption) { return test::support(swap(), caption); }

TEST(Swap, TwoNounsChangePlacesAndKeepTheirSpacing) {
  EXPECT_EQ(swap_support(by_hand("dog NN NOUN ROOT 0|~, , PUNCT punct 0|cat NN NOUN conj 0|~. . PUNCT punct 0")),
            Texts{"cat, dog."});
}

TEST(Swap, CapitalsMoveWithTheirWords) {
  const auto caption = by_hand(
      "A DT DET det 2|red JJ ADJ amod 2|dog NN NOUN ROOT 2|on IN ADP prep 2|a DT DET det 6|big JJ ADJ amod 6|mat NN NOUN pobj 3",
      {{0, 3}, {4, 7}});
  EXPECT_EQ(swap_support(caption), (Texts{"a big mat on A red dog", "A red mat on a big dog", "A big dog on a red mat"}));
}

TEST(Swap, NounPhrasesNeedThreeWords) {
  const auto caption =
      by_hand("a DT DET det 1|Bo NNP PROPN ROOT 1|on IN ADP prep 1|a DT DET det 4|Mo NNP PROPN pobj 2", {{0, 2}, {3, 5}});
  EXPECT_TRUE(swap_support(caption).empty()) << "proper nouns alone are in no list";
}

TEST(Swap, SingularAndPluralNounsAreListsOfTheirOwn) {
  EXPECT_TRUE(swap_support(by_hand("dog NN NOUN ROOT 0|cats NNS NOUN conj 0")).empty());
  EXPECT_EQ(swap_support(by_hand("dogs NNS NOUN ROOT 0|cats NNS NOUN conj 0")), Texts{"cats dogs"});
}

TEST(Swap, AdverbsAndAdjectives) {
  EXPECT_EQ(swap_support(by_hand("now RB ADV advmod 1|nice JJ ADJ ROOT 1|here RB ADV advmod 1|kind JJ ADJ conj 1")),
            (Texts{"here nice now kind", "now kind here nice"}));
}

TEST(Swap, ThreeSpansGiveEveryPairTheSameChance) {
  const auto caption = by_hand("dog NN NOUN ROOT 0|cat NN NOUN conj 0|fox NN NOUN conj 0");
  expect_law(swap_outcomes(caption), {{"cat dog fox", 1. / 3}, {"fox cat dog", 1. / 3}, {"dog fox cat", 1. / 3}});
}

TEST(Swap, AListWhosePairReadsTheSameIsNotDrawnAgain) {
  const auto caption = by_hand("dog NN NOUN ROOT 0|cat NN NOUN conj 0|dog NN NOUN conj 0");
  expect_law(swap_outcomes(caption), {{"cat dog dog", 1. / 3}, {"dog dog cat", 1. / 3}, {"(none)", 1. / 3}});
}

TEST(Swap, ListsWithAPairHaveTheSameChance) {
  const auto caption = by_hand("big JJ ADJ amod 1|dog NN NOUN ROOT 1|red JJ ADJ amod 3|cat NN NOUN conj 1|fox NN NOUN conj 1");
  expect_law(swap_outcomes(caption), {{"red dog big cat fox", 1. / 2},
                                      {"big cat red dog fox", 1. / 6},
                                      {"big fox red cat dog", 1. / 6},
                                      {"big dog red fox cat", 1. / 6}});
}

TEST(Swap, VerbPhrasesAreTheLongestFirst) {
  // "keeps on quietly running" is VERB ADV VERB; "is sleeping" AUX VERB: the whole phrases change places, not their verbs.
  const auto caption = by_hand(
      "keeps VBZ VERB ROOT 0|quietly RB ADV advmod 2|running VBG VERB xcomp 0|~, , PUNCT punct 0|is VBZ AUX aux 5|sleeping VBG "
      "VERB conj 0");
  EXPECT_EQ(swap_support(caption), Texts{"is sleeping, keeps quietly running"});
}

TEST(Swap, WhatALongerPhraseLeavesOfAShorterOneHasItsTurn) {
  // "run so fast swim" is longer than the three verbs it begins in; the two before it are left.
  const auto caption = by_hand(
      "Go VB VERB ROOT 0|try VB VERB xcomp 0|run VB VERB xcomp 0|so RB ADV advmod 4|fast RB ADV advmod 5|swim VB VERB xcomp 0");
  EXPECT_EQ(swap_support(caption), (Texts{"run so fast swim Go try", "Go try run fast so swim"}));
}

TEST(Swap, AdverbsMustComeBeforeAuxiliaries) {
  // "was still sleeping" matches from the adverb on only.
  const auto caption =
      by_hand("was VBD AUX aux 2|still RB ADV advmod 2|sleeping VBG VERB ROOT 2|~, , PUNCT punct 2|eats VBZ VERB conj 2");
  EXPECT_EQ(swap_support(caption), Texts{"was eats, still sleeping"});
}

TEST(Swap, ALoneAuxiliaryIsNoVerbPhrase) {
  EXPECT_TRUE(swap_support(by_hand("is VBZ AUX ROOT 0|so RB ADV advmod 0|~, , PUNCT punct 0|was VBD AUX conj 0")).empty());
}

TEST(Swap, EqualPiecesAroundOneAnotherAreNoChange) {
  const auto caption =
      by_hand("go VB VERB ROOT 0|to IN ADP prep 0|go VB VERB xcomp 0|to IN ADP prep 2|go VB VERB xcomp 2", {{0, 1}, {2, 5}});
  for (const auto& [text, count] : swap_outcomes(caption, 200)) EXPECT_EQ(text, "(none)");
}

TEST(Swap, ManyVerbsEndSoon) {
  std::string tokens;
  for (int i = 0; i < 512; ++i) tokens += (i ? "|go" : "go") + std::to_string(i) + " VB VERB ROOT 0";
  EXPECT_TRUE(swap_outcomes(by_hand(tokens), 10).contains("(none)")) << "all of it is one verb phrase";
}

TEST(Swap, OnRealCaptions) {
  EXPECT_EQ(swap_support(test::analyse("A dog chases a cat.")), Texts{"A cat chases a dog."});
  EXPECT_TRUE(swap_support(test::analyse("A dog sleeps.")).empty());
  const auto found =
      swap_support(test::analyse("A small dog quickly chases two cats, while a large horse slowly eats three apples."));
  EXPECT_TRUE(found.contains("a large horse quickly chases two cats, while A small dog slowly eats three apples."));
  EXPECT_TRUE(found.contains("A small dog slowly eats two cats, while a large horse quickly chases three apples."));
  EXPECT_TRUE(found.contains("A small dog quickly chases two apples, while a large horse slowly eats three cats."));
}

}  // namespace
}  // namespace fsc
