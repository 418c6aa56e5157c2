// Python's answers about characters, on those where simple tables differ.
#include "fsc/core/unicode.h"

#include <gtest/gtest.h>

#include <algorithm>

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

TEST(Upper, FullMappingsWithoutALanguage) {
  EXPECT_EQ(upper("a Dog, 2 cats"), "A DOG, 2 CATS");
  EXPECT_EQ(upper("école straße οδος"), "ÉCOLE STRASSE ΟΔΟΣ");
}

TEST(Lower, KeepsWhatHasNoCase) {
  EXPECT_EQ(lower(""), "");
  EXPECT_EQ(lower("ß猫🐶"), "ß猫🐶");
  EXPECT_EQ(lower("A\0B"s), "a\0b"s);
}

TEST(ValidUtf8, ReplacesEachMaximalInvalidPart) {
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
  EXPECT_FALSE(is_lower(U'A') || is_lower(U'ǅ') || is_lower(U'猫'));
  EXPECT_TRUE(is_lower(U'a') && is_lower(U'é') && is_lower(U'ª'));
  EXPECT_TRUE(is_title(U'ǅ'));
  EXPECT_FALSE(is_title(U'A') || is_title(U'Ǆ'));
  EXPECT_TRUE(is_number(U'7') && is_number(U'½') && is_number(U'Ⅷ') && is_number(U'٣'));
  EXPECT_FALSE(is_number(U'x') || is_number(U'猫'));
  EXPECT_TRUE(is_decimal(U'7') && is_decimal(U'٣'));
  EXPECT_FALSE(is_decimal(U'²') || is_decimal(U'½') || is_decimal(U'x'));
  EXPECT_TRUE(is_punctuation(U'.') && is_punctuation(U'«') && is_punctuation(U'_'));
  EXPECT_FALSE(is_punctuation(U'$') || is_punctuation(U' ') || is_punctuation(U'a'));
}

TEST(CodePoints, ThereAndBack) {
  const std::string text = "aé猫🐶";
  std::string copy;
  std::u32string seen;
  for (size_t at = 0; at < text.size();) {
    seen += next_code_point(text, at);
    append_utf8(copy, seen.back());
  }
  EXPECT_EQ(seen, U"aé猫🐶");
  EXPECT_EQ(copy, text);
  EXPECT_EQ(decode_utf8(text), seen);
  EXPECT_EQ(encode_utf8(seen), text);
}

TEST(CodePoints, InvalidBytesAreTold) {
  bool invalid = false;
  EXPECT_EQ(decode_utf8("caf\xC3\xA9 \uFFFD", &invalid), U"café \uFFFD");
  EXPECT_FALSE(invalid);
  EXPECT_EQ(decode_utf8("caf\xE9 \xF0\x9F\x90", &invalid), U"caf\uFFFD \uFFFD");
  EXPECT_TRUE(invalid);
}

TEST(NormalForms, ComposeDecomposeAndReorder) {
  EXPECT_EQ(nfc(U"cafe\u0301 \u212A \u037E"), U"café K ;");
  EXPECT_EQ(nfc(U"a\u0301\u0316"), U"\u00E1\u0316") << "the mark below goes before the one above, which then composes";
  EXPECT_EQ(nfc(U"q\u0344\u0F73"), U"q\u0F71\u0F72\u0308\u0301") << "marks that stand for two";
  EXPECT_EQ(nfkc(U"\uFF21\uFB01\u00B2"), U"Afi2");
}

/// The marks of `text` behind its first character in canonical order, one step of bubbling at a time.
std::u32string slowly_ordered(std::u32string text, int (*rank)(char32_t)) {
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t i = 2; i < text.size(); ++i) {
      if (rank(text[i]) < rank(text[i - 1])) std::swap(text[i], text[i - 1]), moved = true;
    }
  }
  return text;
}

TEST(NormalForms, LongRunsOfMarksAreOrderedLikeShortOnes) {
  const auto rank = [](char32_t c) { return c == 0x0316 ? 220 : c == 0x0327 ? 202 : c == 0x0345 ? 240 : 230; };
  constexpr char32_t kMarks[] = {0x0345, 0x0301, 0x0316, 0x0308, 0x0327, 0x0302};
  for (const size_t length : {3, 29, 30, 31, 32, 100}) {
    std::u32string text = U"q";
    for (size_t i = 0; i < length; ++i) text += kMarks[(i * i + 3 * i) % std::size(kMarks)];
    EXPECT_EQ(nfc(text), slowly_ordered(text, rank)) << length;
    EXPECT_EQ(nfc(U"x" + text + text), U"x" + nfc(text) + nfc(text)) << length;
  }
}

TEST(NormalForms, AMillionMarksTakeNoMinutes) {  // hours, when every mark moves to its place by itself
  std::u32string text = U"q";
  for (int i = 0; i < 500'000; ++i) text += U"\u0301\u0316";
  EXPECT_EQ(nfc(text), U"q" + std::u32string(500'000, 0x0316) + std::u32string(500'000, 0x0301));
}

}  // namespace
}  // namespace fsc
