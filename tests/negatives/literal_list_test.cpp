// Cells with a list of negatives: what Python's repr and JSON write, what is missing, and where a mistake is.
#include <gtest/gtest.h>

#include "fsc/core/error.h"
#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

NegativeTexts texts(std::initializer_list<std::optional<std::string>> items) { return items; }

std::string error_of(const std::string& cell) {
  try {
    parse_negative_list(cell);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LiteralList, JsonAndPython) {
  const auto expected = texts({"a red dog", "a dog, red"});
  EXPECT_EQ(parse_negative_list(R"(["a red dog", "a dog, red"])"), expected);
  EXPECT_EQ(parse_negative_list(R"(['a red dog', 'a dog, red'])"), expected);
  EXPECT_EQ(parse_negative_list(R"(["a red dog",'a dog, red'])"), expected);
  EXPECT_EQ(parse_negative_list(" \t[ \n'a red dog' , 'a dog, red'\r\n] "), expected);
}

TEST(LiteralList, QuotesInsideQuotes) {
  // Python's repr changes to double quotes where there is an apostrophe, and escapes where there are both.
  EXPECT_EQ(parse_negative_list(R"(["the dog's ball", 'a "big" dog', 'both \' and "', "both ' and \""])"),
            texts({"the dog's ball", "a \"big\" dog", "both ' and \"", "both ' and \""}));
  EXPECT_EQ(parse_negative_list(R"(['[not, a, list]', "]"])"), texts({"[not, a, list]", "]"}));
}

TEST(LiteralList, Escapes) {
  EXPECT_EQ(parse_negative_list(R"(["a\nb", "a\tb", "a\\b", "a\/b", "a\rb\fc\bd", 'a\ab\vc'])"),
            texts({"a\nb", "a\tb", "a\\b", "a/b", "a\rb\fc\bd", "a\ab\vc"}));
  EXPECT_EQ(parse_negative_list(R"(['caf\xe9', "caf\u00e9", "caf\u00E9"])"), texts({"café", "café", "café"}));
  EXPECT_EQ(parse_negative_list(R"(["\u72ac", '\U0001f436', "\ud83d\udc36", "\uD83D\uDC36"])"), texts({"犬", "🐶", "🐶", "🐶"}));
  EXPECT_EQ(parse_negative_list(R"(['\x41\u0042\U00000043'])"), texts({"ABC"}));
}

TEST(LiteralList, HalfASurrogatePairBecomesTheReplacementCharacter) {
  EXPECT_EQ(parse_negative_list(R"(["a\ud83d", "\udc36b", "\ud83d\u0041", "\ud83d\ud83d\udc36", '\U0000d83d'])"),
            texts({"a\uFFFD", "\uFFFDb", "\uFFFDA", "\uFFFD🐶", "\uFFFD"}));
}

TEST(LiteralList, Utf8PassesThrough) {
  EXPECT_EQ(parse_negative_list("['ein großer Hund', '犬', '🐶']"), texts({"ein großer Hund", "犬", "🐶"}));
}

TEST(LiteralList, MissingEntriesKeepTheirPlace) {
  EXPECT_EQ(parse_negative_list(R"([None, "a", null, '', "  ", 'b'])"),
            texts({std::nullopt, "a", std::nullopt, std::nullopt, std::nullopt, "b"}));
  EXPECT_EQ(parse_negative_list(R"(["a",,"b"])"), texts({"a", std::nullopt, "b"}));
  EXPECT_EQ(parse_negative_list(R"([,"b"])"), texts({std::nullopt, "b"}));
}

TEST(LiteralList, EmptyListsAndTrailingCommas) {
  for (const char* cell : {"", "  \t", "[]", " [ ] "}) EXPECT_TRUE(parse_negative_list(cell).empty()) << cell;
  EXPECT_EQ(parse_negative_list("['a', ]"), texts({"a"}));
  EXPECT_EQ(parse_negative_list("['a', None,]"), texts({"a", std::nullopt}));
}

TEST(LiteralList, MistakesAreNamedWithTheirPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"a dog", "column 1: expected a list"},
      {"nan", "column 1: expected a list"},
      {"'a dog'", "column 1: expected a list"},
      {"{\"a\": 1}", "column 1: expected a list"},
      {"['a' 'b']", "column 6: expected , or ]"},
      {"['a'; 'b']", "column 5: expected , or ]"},
      {"['a', 'b'", "column 10: the list is not closed"},
      {"['a',", "column 6: the list is not closed"},
      {"[", "column 2: the list is not closed"},
      {"['a', 'b", "column 7: this string has no closing quote"},
      {"['a', 'b\"]", "column 7: this string has no closing quote"},
      {"['a\\", "column 4: unknown escape"},
      {"[1, 2]", "column 2: expected a string in quotes, None or null"},
      {"['a', true]", "column 7: expected a string in quotes, None or null"},
      {"[a dog]", "column 2: expected a string in quotes, None or null"},
      {"[['a'], ['b']]", "column 2: expected a string in quotes, None or null"},
      {"['a', ['b']]", "column 7: expected a string in quotes, None or null"},
      {"[None1]", "column 6: expected , or ]"},
      {"['a'] and more", "column 7: there is more text"},
      {"['a']]", "column 6: there is more text"},
      {R"(['a\qb'])", "column 4: unknown escape"},
      {R"(['\x4'])", "column 3: this escape needs 2 hexadecimal digits"},
      {R"(["\u12g4"])", "column 3: this escape needs 4 hexadecimal digits"},
      {R"(['\U0001f43'])", "column 3: this escape needs 8 hexadecimal digits"},
      {R"(['\U00110000'])", "column 3: there is no character of this number"},
  };
  for (const auto& [cell, expected] : cases) EXPECT_EQ(error_of(cell).rfind(expected, 0), 0u) << cell << " -> " << error_of(cell);
}

TEST(LiteralList, PlacesCountCharactersNotBytes) {
  EXPECT_EQ(error_of("['犬🐶é', 7]").rfind("column 9:", 0), 0u) << error_of("['犬🐶é', 7]");
}

TEST(LiteralList, LongListsAreFine) {
  std::string cell = "[";
  for (int i = 0; i < 20000; ++i) cell += "'a dog number " + std::to_string(i) + "',";
  const auto items = parse_negative_list(cell + "]");
  ASSERT_EQ(items.size(), 20000u);
  EXPECT_EQ(items.back(), "a dog number 19999");
}

}  // namespace
}  // namespace fsc
