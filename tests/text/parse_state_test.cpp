// The moves of the arc-eager system, one by one, with spaCy's peculiarities.
#include "text/detail_parse_state.h"

#include <gtest/gtest.h>

#include "fsc/core/rng.h"

namespace fsc::detail {
namespace {

using Context = std::array<int, ParseState::kContext>;

std::string allowed(const ParseState& state) {
  std::string letters;
  for (size_t action = 0; action < kActions; ++action)
    if (state.allows(static_cast<Action>(action))) letters += "SDLRB"[action];
  return letters;
}

/// Applies moves written as letters; the n-th letter is move n.
void apply(ParseState& state, const std::string& letters) {
  for (size_t i = 0; i < letters.size(); ++i) {
    ASSERT_NE(allowed(state).find(letters[i]), std::string::npos) << letters << " at " << i << ": only " << allowed(state);
    state.apply(static_cast<Action>(std::string("SDLRB").find(letters[i])), static_cast<int>(i));
  }
}

std::vector<int> heads(const ParseState& state, int words) {
  std::vector<int> found;
  for (int word = 0; word < words; ++word) found.push_back(state.head(word));
  return found;
}

TEST(ParseState, BeginsAndEnds) {
  ParseState none(0), one(1);
  EXPECT_TRUE(none.done());
  EXPECT_FALSE(one.done());
  EXPECT_EQ(allowed(one), "S");
  EXPECT_EQ(one.context(), (Context{0, -1, -1, -1, -1, -1, -1, -1}));
  apply(one, "S");
  EXPECT_EQ(allowed(one), "D") << "no arc without a buffer";
  apply(one, "D");
  EXPECT_TRUE(one.done());
  EXPECT_EQ(heads(one, 1), std::vector<int>{-1});
}

TEST(ParseState, ArcsAndContext) {
  ParseState state(4);  // a dog sleeps here
  apply(state, "SLS");
  EXPECT_EQ(state.context(), (Context{2, 3, 1, -1, -1, -1, 0, -1}));
  apply(state, "LSR");
  EXPECT_EQ(state.context(), (Context{-1, -1, 3, 2, -1, -1, -1, -1}));
  apply(state, "D");
  EXPECT_EQ(state.context(), (Context{-1, -1, 2, -1, -1, -1, 1, 3}));
  apply(state, "D");
  EXPECT_TRUE(state.done());
  EXPECT_EQ(heads(state, 4), (std::vector<int>{1, 2, -1, 2}));
  EXPECT_EQ(state.arc_move(0), 1);
  EXPECT_EQ(state.arc_move(2), -1);
}

TEST(ParseState, ReduceWithoutAHeadPutsTheWordBack) {
  ParseState state(3);
  apply(state, "SSD");
  EXPECT_EQ(state.context(), (Context{1, 2, 0, -1, -1, -1, -1, -1}));
  EXPECT_EQ(allowed(state), "DLRB") << "a word put back is not shifted again";
  apply(state, "R");
  EXPECT_EQ(heads(state, 3), (std::vector<int>{-1, 0, -1}));
}

TEST(ParseState, AWordPutBackMayBeShiftedOnceItHasAChild) {
  ParseState state(3);
  apply(state, "SSD");
  apply(state, "L");  // 0 <- 1
  EXPECT_NE(allowed(state).find('S'), std::string::npos);
  EXPECT_EQ(heads(state, 3), (std::vector<int>{1, -1, -1}));
}

TEST(ParseState, LeftArcOverrulesAHeadAndTakesTheOldArcBack) {
  ParseState state(4);
  apply(state, "SRDR");  // 0 -> 1, 0 -> 2
  EXPECT_EQ(state.context()[2], 2);
  apply(state, "L");  // 2 <- 3
  EXPECT_EQ(heads(state, 4), (std::vector<int>{-1, 0, 3, -1}));
  EXPECT_EQ(state.context(), (Context{3, -1, 0, -1, -1, 2, -1, 1})) << "the last right child of 0 is 1 again";
}

TEST(ParseState, BreakBeginsASentence) {
  ParseState state(3);
  apply(state, "S");
  EXPECT_EQ(allowed(state), "SDLRB");
  apply(state, "B");
  EXPECT_EQ(allowed(state), "SDLR") << "not twice";
  apply(state, "R");
  EXPECT_EQ(allowed(state), "D") << "nothing reaches over the border";
  apply(state, "D");
  EXPECT_EQ(allowed(state), "D");
  apply(state, "D");
  EXPECT_EQ(allowed(state), "S");
}

TEST(ParseState, AnyMovesEndInAForest) {
  Rng rng({7});
  for (int round = 0; round < 2000; ++round) {
    const int words = 1 + static_cast<int>(rng.below(12));
    ParseState state(words);
    int steps = 0;
    while (!state.done()) {
      const std::string letters = allowed(state);
      ASSERT_FALSE(letters.empty());
      state.apply(static_cast<Action>(std::string("SDLRB").find(letters[rng.below(letters.size())])), steps);
      ASSERT_LT(++steps, 8 * words + 8);
    }
    for (int word = 0; word < words; ++word) {
      int length = 0;
      for (int at = word; state.head(at) >= 0; at = state.head(at)) ASSERT_LT(++length, words) << "a cycle";
    }
  }
}

}  // namespace
}  // namespace fsc::detail
