// Scene graphs: entities, modifiers and relations rule by rule, on analyses written by hand.
#include <gtest/gtest.h>

#include <chrono>

#include "negatives/captions.h"
#include "negatives/detail_scene_graph.h"

namespace fsc {
namespace {

using test::by_hand;

/// "text xtimes" of each element, in order.
std::vector<std::string> graph(const Analysis& caption) {
  static const detail::Dependencies kDependencies(*test::text_model());
  std::vector<std::string> elements;
  for (const auto& element : detail::scene_graph(*test::text_model(), kDependencies, caption)) {
    elements.push_back(std::string(caption.text_of(element.span)) +
                       (element.times > 1 ? " x" + std::to_string(element.times) : ""));
  }
  return elements;
}
using Elements = std::vector<std::string>;

TEST(SceneGraph, ObjectsOfVerbs) {
  EXPECT_EQ(graph(by_hand("she PRP PRON nsubj 1|plays VBZ VERB ROOT 1|piano NN NOUN dobj 1", {{0, 1}, {2, 3}})),
            (Elements{"she", "piano", "plays"}));
  EXPECT_EQ(graph(by_hand("she PRP PRON nsubj 1|is VBZ AUX ROOT 1|pianist NN NOUN attr 1", {{0, 1}, {2, 3}})),
            (Elements{"she", "pianist", "is"}));
  EXPECT_EQ(graph(by_hand("woman NN NOUN ROOT 0|playing VBG VERB acl 0|piano NN NOUN dobj 1", {{0, 1}, {2, 3}})),
            (Elements{"woman", "piano", "playing"}));
  EXPECT_TRUE(graph(by_hand("woman NN NOUN ROOT 0|plays VBZ VERB dep 0|piano NN NOUN dobj 1", {{0, 1}, {2, 3}})).empty())
      << "nobody plays";
}

TEST(SceneGraph, PassiveWithAgent) {
  EXPECT_EQ(graph(by_hand(
                "piano NN NOUN nsubjpass 2|is VBZ AUX auxpass 2|played VBN VERB ROOT 2|by IN ADP agent 2|woman NN NOUN pobj 3",
                {{0, 1}, {4, 5}})),
            (Elements{"piano", "woman", "played"}));
}

TEST(SceneGraph, Prepositions) {
  EXPECT_EQ(graph(by_hand("dog NN NOUN ROOT 0|in IN ADP prep 0|garden NN NOUN pobj 1", {{0, 1}, {2, 3}})),
            (Elements{"dog", "garden", "in"}));
  EXPECT_EQ(graph(by_hand("dog NN NOUN nsubj 1|sleeps VBZ VERB ROOT 1|in IN ADP prep 1|garden NN NOUN pobj 2", {{0, 1}, {3, 4}})),
            (Elements{"dog", "garden", "in"}));
  EXPECT_EQ(graph(by_hand("dog NN NOUN nsubj 1|is VBZ AUX ROOT 1|in IN ADP prep 1|garden NN NOUN pobj 2", {{0, 1}, {3, 4}})),
            (Elements{"dog", "garden", "in"}));
}

TEST(SceneGraph, APhrasalVerbIsOneRelation) {
  EXPECT_EQ(graph(by_hand("she PRP PRON nsubj 1|swings VBZ VERB ROOT 1|at IN ADP prep 1|ball NN NOUN pobj 2", {{0, 1}, {3, 4}})),
            (Elements{"she", "ball", "swings at"}));
  EXPECT_EQ(
      graph(by_hand("she PRP PRON nsubj 1|swings VBZ VERB ROOT 1|wildly RB ADV advmod 1|at IN ADP prep 1|ball NN NOUN pobj 3",
                    {{0, 1}, {4, 5}})),
      (Elements{"she", "ball", "at"}))
      << "only right behind its verb";
}

TEST(SceneGraph, APhrasalPrepositionTakesItsNounOut) {
  EXPECT_EQ(graph(by_hand("man NN NOUN ROOT 0|In IN ADP prep 0|front NN NOUN pobj 1|of IN ADP prep 2|house NN NOUN pobj 3",
                          {{0, 1}, {2, 3}, {4, 5}})),
            (Elements{"man", "house", "In front of"}));
}

TEST(SceneGraph, PrepositionsOfModifiers) {
  EXPECT_EQ(graph(by_hand("lamp NN NOUN ROOT 0|next JJ ADJ amod 0|to IN ADP prep 1|bed NN NOUN pobj 2", {{0, 1}, {3, 4}})),
            (Elements{"lamp", "bed", "next", "next to"}));
  EXPECT_EQ(graph(by_hand("lamp NN NOUN nsubj 1|stands VBZ VERB ROOT 1|next RB ADV advmod 1|to IN ADP prep 2|bed NN NOUN pobj 3",
                          {{0, 1}, {4, 5}})),
            (Elements{"lamp", "bed", "next to"}));
}

TEST(SceneGraph, ModifiersThroughCompounds) {
  EXPECT_EQ(graph(by_hand("the DT DET det 4|two CD NUM nummod 4|red JJ ADJ amod 3|fire NN NOUN compound 4|trucks NNS NOUN ROOT "
                          "4|dogs NNS NOUN conj 4",
                          {{0, 5}, {5, 6}})),
            (Elements{"the two red fire trucks", "dogs", "the", "two", "red"}));
}

TEST(SceneGraph, CoordinatedAdjectivesBecomeTheNounsOwn) {
  EXPECT_EQ(graph(by_hand(
                "a DT DET det 4|red JJ ADJ amod 4|and CC CCONJ cc 1|white JJ ADJ conj 1|bus NN NOUN ROOT 4|dog NN NOUN conj 4",
                {{0, 5}, {5, 6}})),
            (Elements{"a red and white bus", "dog", "a", "red", "white"}));
}

TEST(SceneGraph, RelationsOfCoordinatedNounsCountForEachPair) {
  const auto caption = by_hand(
      "dog NN NOUN ROOT 0|and CC CCONJ cc 0|cat NN NOUN conj 0|in IN ADP prep 0|box NN NOUN pobj 3|and CC CCONJ cc 4|bag NN NOUN "
      "conj 4",
      {{0, 1}, {2, 3}, {4, 5}, {6, 7}});
  EXPECT_EQ(graph(caption), (Elements{"dog", "cat", "box", "bag", "in x4"}));
}

TEST(SceneGraph, ARelationToNoEntityIsDropped) {
  EXPECT_TRUE(
      graph(by_hand("dog NN NOUN ROOT 0|in IN ADP prep 0|garden NN NOUN pobj 1|cat NN NOUN dep 0", {{2, 3}, {3, 4}})).empty());
}

TEST(SceneGraph, WideAndDeepTreesEndSoon) {
  std::string wide = "dog NN NOUN ROOT 0|in IN ADP prep 0|box NN NOUN pobj 1", deep = "dog NN NOUN ROOT 0";
  std::vector<Span> wide_chunks = {{0, 1}, {2, 3}}, deep_chunks = {{0, 1}};
  for (int i = 3; i < 512; ++i) {
    wide += "|bag NN NOUN conj " + std::to_string(i % 2 ? 0 : 2);
    wide_chunks.push_back({i, i + 1});
  }
  for (int i = 1; i < 512; ++i) {
    deep += (i % 2 ? "|in IN ADP prep " : "|box NN NOUN pobj ") + std::to_string(i - 1);
    if (i % 2 == 0) deep_chunks.push_back({i, i + 1});
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(graph(by_hand(wide, wide_chunks)).back(), "in x" + std::to_string(256 * 255));
  EXPECT_EQ(graph(by_hand(deep, deep_chunks)).size(), 256u + 255u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

}  // namespace
}  // namespace fsc
