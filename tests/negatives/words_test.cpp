// Word-level comparison of captions.
#include <gtest/gtest.h>

#include "negatives/detail_words.h"

namespace fsc::detail {
namespace {

uint64_t distance(std::string_view a, std::string_view b) { return edit_distance(words_of(a), words_of(b)); }
std::string piece(std::string_view a, std::string_view b) { return replaced_piece(words_of(a), words_of(b), 3); }
/// The words of b that have no partner in a.
std::string changed(std::string_view a, std::string_view b) {
  const auto words = words_of(b);
  const auto common = common_words(words_of(a), words);
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (!common[i]) text.append(words[i]).append(";");
  }
  return text;
}

TEST(Words, EditDistance) {
  EXPECT_EQ(distance("", ""), 0u);
  EXPECT_EQ(distance("", "a b"), 2u);
  EXPECT_EQ(distance("a b c", "a b c"), 0u);
  EXPECT_EQ(distance("a b c", "a x c"), 1u);
  EXPECT_EQ(distance("a b c", "c b a"), 2u);
  EXPECT_EQ(distance("a b c d", "c d a b"), 4u);
  EXPECT_EQ(distance("a  b\tc", "a b c e"), 1u);
}

TEST(Words, Common) {
  EXPECT_EQ(changed("a dog sleeps", "a cat sleeps"), "cat;");
  EXPECT_EQ(changed("a b c d", "c d a b"), "a;b;");
  EXPECT_EQ(changed("", "a b"), "a;b;");
  EXPECT_EQ(changed("a b", ""), "");
}

TEST(Words, ReplacedPiece) {
  EXPECT_EQ(piece("a dog sleeps", "a cat sleeps"), "dog -> cat");
  EXPECT_EQ(piece("a man in front of it", "a man behind it"), "in front of -> behind");
  EXPECT_EQ(piece("a dog", "a cat"), "dog -> cat");
  EXPECT_EQ(piece("dog", "cat"), "dog -> cat");
  EXPECT_EQ(piece("a dog sleeps", "a dog sleeps"), "");
  EXPECT_EQ(piece("a red dog", "a dog red"), "") << "the same words in another order";
  EXPECT_EQ(piece("a dog sleeps", "a dog"), "") << "nothing stands in its place";
  EXPECT_EQ(piece("a b c d e", "v w x y e"), "") << "too long";
  EXPECT_EQ(piece("a a", "a a a"), "");
}

TEST(Words, EndlessCaptionsAreComparedInPart) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "word ";
  EXPECT_EQ(distance(text, text), 0u);
  EXPECT_EQ(distance(text, ""), 1024u);
}

}  // namespace
}  // namespace fsc::detail
