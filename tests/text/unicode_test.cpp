// Python's answers about characters, on those where simple tables differ.
#include "text/detail_unicode.h"

#include <gtest/gtest.h>

#include "fsc/text/text_model.h"

namespace fsc {
namespace {

using namespace std::string_literals;

TEST(Lower, FullMappingsWithoutALanguage) {
  EXPECT_EQ(lower("A Dog, 2 CATS"), "a dog, 2 cats");
  EXPECT_EQ(lower("ÉCOLE МОСКВА"), "école москва");
  EXPECT_EQ(lower("İI"), "i\u0307i");        // not Turkish
  EXPECT_EQ(lower("ΟΔΟΣ ΣΑΣ"), "οδος σας");  // the final sigma
  EXPECT_EQ(lower("Σ"), "σ");
  EXPECT_EQ(lower("ΑΣ."), "ας.");
  EXPECT_EQ(lower("ΑΣ.Α"), "ασ.α") << "a full stop ends no word for this rule";
}

TEST(Lower, KeepsWhatHasNoCase) {
  EXPECT_EQ(lower(""), "");
  EXPECT_EQ(lower("ß猫🐶"), "ß猫🐶");
  EXPECT_EQ(lower("A\0B"s), "a\0b"s);
}

TEST(ValidUtf8, ReplacesEachMaximalInvalidPart) {
  using detail::valid_utf8;
  EXPECT_EQ(valid_utf8("plain"), "plain");
  EXPECT_EQ(valid_utf8("caf\xE9"), "caf\uFFFD");
  EXPECT_EQ(valid_utf8("\xFF\xFE"), "\uFFFD\uFFFD");
  EXPECT_EQ(valid_utf8("\xF0\x9F\x90 x"), "\uFFFD x");                          // a dog's face cut short: one
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");                  // half a surrogate pair: three
  EXPECT_EQ(valid_utf8("\xC0\x80"), "\uFFFD\uFFFD");                            // an overlong NUL
  EXPECT_EQ(valid_utf8("ok \xF4\x90\x80\x80"), "ok \uFFFD\uFFFD\uFFFD\uFFFD");  // beyond Unicode
  EXPECT_EQ(valid_utf8("猫\0é"s), "猫\0é"s);
}

TEST(Characters, AsPythonSees) {
  using namespace detail;
  for (const char32_t c : std::u32string(U" \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000"))
    EXPECT_TRUE(is_space(c)) << static_cast<uint32_t>(c);
  for (const char32_t c : std::u32string(U"a_\u200b\u2060\ufeff\u180e\x1b\x7f"))
    EXPECT_FALSE(is_space(c)) << static_cast<uint32_t>(c);
  EXPECT_TRUE(is_letter(U'z') && is_letter(U'é') && is_letter(U'猫') && is_letter(U'ª') && is_letter(U'ʰ'));
  EXPECT_FALSE(is_letter(U'1') || is_letter(U'_') || is_letter(U'\u0301') || is_letter(U'Ⅷ'));
  EXPECT_TRUE(is_digit(U'7') && is_digit(U'٣') && is_digit(U'²') && is_digit(U'①'));
  EXPECT_FALSE(is_digit(U'½') || is_digit(U'Ⅷ') || is_digit(U'x'));
  EXPECT_TRUE(is_upper(U'A') && is_upper(U'É') && is_upper(U'Ⓐ'));
  EXPECT_FALSE(is_upper(U'a') || is_upper(U'ǅ') || is_upper(U'猫'));
  EXPECT_TRUE(is_space_or_punctuation("...") && is_space_or_punctuation(" \n") && is_space_or_punctuation("«»"));
  EXPECT_FALSE(is_space_or_punctuation(". ") || is_space_or_punctuation("$") || is_space_or_punctuation(".a"));
}

TEST(CodePoints, ThereAndBack) {
  const std::string text = "aé猫🐶";
  std::string copy;
  std::u32string seen;
  for (size_t at = 0; at < text.size();) {
    seen += detail::next_code_point(text, at);
    detail::append_utf8(copy, seen.back());
  }
  EXPECT_EQ(seen, U"aé猫🐶");
  EXPECT_EQ(copy, text);
}

}  // namespace
}  // namespace fsc
