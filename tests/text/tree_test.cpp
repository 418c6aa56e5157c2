// Subtrees, lifted arcs, noun chunks and roots of spans, on small trees by hand.
#include "text/detail_tree.h"

#include <gtest/gtest.h>

#include "fsc/text/text_model.h"
#include "text/byte_writer.h"

namespace fsc {
namespace {

using namespace detail;

const Names& dependencies() {
  static const Names kNames = [] {
    test::ByteWriter bytes;
    bytes.strings(
        {"ROOT", "appos", "attr", "conj", "dative", "det", "dobj", "nsubj", "nsubjpass", "oprd", "pcomp", "pobj", "prep", "dep"});
    Reader reader = bytes.reader();
    return Names(reader);
  }();
  return kNames;
}

std::vector<Token> tree(const std::vector<int>& heads, const std::vector<std::string>& labels = {},
                        const std::vector<Pos>& pos = {}) {
  std::vector<Token> tokens(heads.size());
  for (size_t i = 0; i < heads.size(); ++i) {
    tokens[i].head = heads[i];
    if (!labels.empty()) tokens[i].dependency = dependencies().find(labels[i]);
    if (!pos.empty()) tokens[i].pos = pos[i];
  }
  return tokens;
}

std::vector<Span> chunks(const std::vector<Token>& tokens) {
  const test::ByteWriter nothing;
  const Reader reader = nothing.reader();
  return noun_chunks(tokens, ChunkRules(dependencies(), reader));
}

TEST(SubtreeEdges, ProjectiveTreesAndSeveralRoots) {
  const Edges edges = subtree_edges(tree({1, 2, 2, 2, 3, 5, 5}));
  EXPECT_EQ(edges.left, (std::vector<int32_t>{0, 0, 0, 3, 4, 5, 6}));
  EXPECT_EQ(edges.right, (std::vector<int32_t>{0, 1, 4, 4, 4, 6, 6}));
  EXPECT_TRUE(subtree_edges({}).left.empty());
}

TEST(SubtreeEdges, CrossingArcs) {
  const Edges edges = subtree_edges(tree({2, 3, 2, 2, 1}));  // 4 hangs on 1, 1 on 3
  EXPECT_EQ(edges.left, (std::vector<int32_t>{0, 1, 0, 1, 4}));
  EXPECT_EQ(edges.right, (std::vector<int32_t>{0, 4, 3, 4, 4})) << "spaCy stops before 2 learns of 4";
}

TEST(HangArcs, RootsAndPlainArcs) {
  const std::vector<Move> moves{{Action::kLeft, 5, kNoName}, {Action::kRight, 6, kNoName}};
  const std::vector<int> heads{1, 1, 1}, labels{0, -1, 1};
  std::vector<Token> tokens(3);
  hang_arcs(heads, labels, moves, 0, std::vector<bool>(3, false), tokens);
  EXPECT_EQ(tokens[0].dependency, 5);
  EXPECT_EQ(tokens[1].dependency, 0);
  EXPECT_EQ(tokens[2].head, 1);
}

/// A token whose arc was lifted from a word labelled dobj (move 2) hangs on word 0's tree.
std::vector<Token> hang_lifted(const std::vector<int>& heads, const std::vector<int>& labels, const std::vector<bool>& spaces) {
  const std::vector<Move> moves{{Action::kRight, dependencies().find("dobj"), kNoName},
                                {Action::kRight, dependencies().find("prep"), kNoName},
                                {Action::kRight, dependencies().find("prep"), dependencies().find("dobj")}};
  std::vector<Token> tokens(heads.size());
  hang_arcs(heads, labels, moves, 0, spaces, tokens);
  return tokens;
}

TEST(HangArcs, ALiftedArcIsHungOnTheFirstWordWithTheLabelBelowItsHead) {
  const std::vector<bool> words(5, false);
  EXPECT_EQ(hang_lifted({0, 0, 0, 0, 0}, {-1, 1, 0, 0, 2}, words)[4].head, 2);
  EXPECT_EQ(hang_lifted({0, 0, 1, 1, 0}, {-1, 1, 1, 0, 2}, words)[4].head, 3) << "one level down";
  EXPECT_EQ(hang_lifted({0, 0, 1, 1, 0}, {-1, 1, 1, 1, 2}, words)[4].head, 0) << "there is none";
  EXPECT_EQ(hang_lifted({0, 0, 0, 0, 0}, {-1, 1, 1, 2, 2}, words)[4].head, 0) << "a lifted arc's own label is another";
  EXPECT_EQ(hang_lifted({0, 0, 0, 0, 0}, {-1, 1, 0, 0, 2}, {false, false, true, false, false})[4].head, 3)
      << "white space is no head";
  EXPECT_EQ(hang_lifted({0, 0, 0, 0, 0}, {-1, 1, 0, 0, 2}, words)[4].dependency, dependencies().find("prep"));
}

TEST(NounChunks, NounsWithTheirLeftPart) {
  const auto tokens = tree({1, 2, 2, 4, 2, 2}, {"det", "nsubj", "ROOT", "det", "dobj", "prep"},
                           {Pos::kDet, Pos::kNoun, Pos::kVerb, Pos::kDet, Pos::kPropn, Pos::kAdp});
  EXPECT_EQ(chunks(tokens), (std::vector<Span>{{0, 2}, {3, 5}}));
  EXPECT_TRUE(chunks({}).empty());
}

TEST(NounChunks, OtherRolesHeadNone) {
  EXPECT_TRUE(chunks(tree({1, 1}, {"dep", "ROOT"}, {Pos::kNoun, Pos::kVerb})).empty());
  EXPECT_EQ(chunks(tree({0}, {"ROOT"}, {Pos::kPron})), (std::vector<Span>{{0, 1}}));
}

TEST(NounChunks, ConjunctsAreWhatTheFirstIs) {
  const std::vector<Pos> nouns(3, Pos::kNoun);
  EXPECT_EQ(chunks(tree({0, 0, 1}, {"ROOT", "conj", "conj"}, nouns)), (std::vector<Span>{{0, 1}, {1, 2}, {2, 3}}));
  EXPECT_TRUE(chunks(tree({0, 0, 1}, {"dep", "conj", "conj"}, nouns)).empty());
}

TEST(NounChunks, NestedOnesAreLeftOut) {
  // "man" takes "that" in its left part: 2 begins inside the chunk that ends at 1.
  EXPECT_EQ(chunks(tree({1, 1, 0}, {"nsubj", "ROOT", "pobj"}, std::vector<Pos>(3, Pos::kNoun))),
            (std::vector<Span>{{0, 1}, {2, 3}}));
  EXPECT_EQ(chunks(tree({2, 2, 2, 1}, {"det", "dobj", "ROOT", "pobj"}, {Pos::kDet, Pos::kNoun, Pos::kNoun, Pos::kNoun})).size(),
            2U);
}

Analysis analysis(const std::vector<std::string>& words, const std::vector<int>& heads) {
  Analysis result;
  result.tokens = tree(heads);
  for (size_t i = 0; i < words.size(); ++i) {
    result.tokens[i].begin = static_cast<uint32_t>(result.text.size());
    result.text += words[i];
    result.tokens[i].end = static_cast<uint32_t>(result.text.size());
    result.text += ' ';
  }
  return result;
}

TEST(RootOf, TheWordNearestToTheRoot) {
  const Analysis text = analysis({"a", "big", "dog", "of", "mine", "runs"}, {2, 2, 5, 2, 3, 5});
  EXPECT_EQ(root_of(text, {0, 3}), 2);
  EXPECT_EQ(root_of(text, {3, 5}), 3);
  EXPECT_EQ(root_of(text, {0, 6}), 5);
  EXPECT_EQ(root_of(text, {0, 2}), 0) << "both hang on the same word: the first";
  EXPECT_EQ(root_of(text, {4, 5}), 4);
}

TEST(RootOf, PunctuationComesLast) {
  const Analysis text = analysis({"dogs", ",", "very", "old"}, {0, 0, 3, 0});
  EXPECT_EQ(root_of(text, {1, 3}), 2);
  EXPECT_EQ(root_of(text, {1, 4}), 3);
  EXPECT_EQ(root_of(text, {1, 2}), 1);
  EXPECT_EQ(root_of(analysis({"dogs", ",", "old"}, {0, 0, 1}), {1, 3}), 1) << "a comma with a child counts as a word";
}

}  // namespace
}  // namespace fsc
