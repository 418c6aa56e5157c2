// Clean-up of captions: each repair, what is left alone, and what the report says. Expected texts are open_clip 3.3.0's.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fsc/tokenize/tokenizer.h"

namespace fsc {
namespace {

using namespace std::string_literals;

struct Case {
  std::string text, cleaned;
};

void expect_cleaned(const std::vector<Case>& cases) {
  for (const auto& [text, cleaned] : cases) {
    EncodeReport report;
    EXPECT_EQ(clean_text(text, &report), cleaned) << text;
    EXPECT_FALSE(report.mojibake) << text;
    EXPECT_FALSE(report.truncated) << text;
  }
}

TEST(CleanText, CollapsesWhiteSpaceAndLowers) {
  expect_cleaned({
      {"", ""},
      {" \t\n ", ""},
      {"  A  Man\tand\r\nhis \u3000DOG ", "a man and his dog"},
      {"a\u1680b\u2003c\u2028d\u2029e\u00A0f", "a b c d e f"},
      {"a\u200Bb\u180Ec", "a\u200Bb\u180Ec"},  // no white space
      {"\u0130stanbul \u1E9E \u039F\u0394\u039F\u03A3", "i\u0307stanbul \u00DF \u03BF\u03B4\u03BF\u03C2"},
  });
}

TEST(CleanText, ComposesAndUnfoldsCompatibilityForms) {
  expect_cleaned({
      {"cafe\u0301", "caf\u00E9"},
      {"\u1100\u1161 \u212B \u2126", "\uAC00 \u00E5 \u03C9"},
      {"\u0958 \u0344", "\u0915\u093C \u0308\u0301"},  // composed forms that NFC takes apart
      {"\uFB01re \uFB03 \uFB05 \u0132 \u01C5 \u0149", "fire ffi \u017Ft ij d\u017E 'n"},
      {"\uFF2C\uFF2F\uFF35\uFF24 \uFF80\uFF70\uFF9D \uFF76\uFF9E \uFFE5", "loud \u30BF\u30FC\u30F3 \u30AC \u00A5"},
      {"\U0001D468 \u2163 \u00BD", "\U0001D468 \u2173 \u00BD"},  // NFC, not NFKC
  });
}

TEST(CleanText, StraightensQuotes) {
  expect_cleaned({
      {"\u201CHi\u201D \u2018it\u2019s\u2019", "\"hi\" 'it's'"},
      {"\u201Aa\u201B \u201Ec\u201F \u02BCn", "'a' \"c\" 'n"},
      {"\u00ABa\u00BB \u2032 \u2033", "\u00ABa\u00BB \u2032 \u2033"},
  });
}

TEST(CleanText, RemovesControlsAndTerminalEscapes) {
  expect_cleaned({
      {"a\0b\x07"s + "c\x0B" + "d\x1F" + "e\x7F" + "f\uFEFFg\u206Ah\uFFFCi", "abcdefghi"},
      {"\x1B[36;44mI'm blue\x1B[0m x\x1B[", "i'm blue x["},
      {"1\u0096 2\u0085 3\u0081.", "1\u2013 2\u2026 3\u0081."},  // C1 controls are Windows-1252
      {"\u00AD\u200D x", "\u00AD\u200D x"},
  });
}

TEST(CleanText, UnescapesHtmlTwiceAfterTheStrictPass) {
  expect_cleaned({
      {"fish &amp; chips", "fish & chips"},
      {"A&amp;amp;amp;lt;B", "a<b"},
      {"&amp;eacute; <", "\u00E9 <"},  // twice
      {"&copy2024 &notit; &not &ampamp", "\u00A92024 \u00ACit; \u00AC &"},
      {"&#39;s &#x27;T &#128512; &#150; &#0; &#xD800; &#1114112; &#x1;", "'s 't \U0001F600 \u2013 \uFFFD \uFFFD \uFFFD"},
      {"&#39 &#x &# &; &", "' &#x &# &; &"},
      {"AT&T R&D a&b", "at&t r&d a&b"},
      {"&#59; &amp;#59;", "; ;"},
      {"&fjlig; &NotEqualTilde; &zwnj;a", "fj \u2242\u0338 \u200Ca"},
      {"x&ThickSpace;x &amp;#10;x", "x x x"},
  });
}

TEST(CleanText, CapitalEntitiesNeedTextWithoutTags) {
  expect_cleaned({
      {"&EACUTE; &NTILDE; &nTILDE;", "\u00E9 \u00F1 &ntilde;"},
      {"&EACUTE;\n<", "\u00E9 <"},
      {"a\n<\n&EACUTE;", "a < &eacute;"},  // from the line with "<" on, this is real HTML
  });
}

TEST(CleanText, MojibakeIsNoticedAndNotRepaired) {
  const std::vector<Case> wrong = {
      {"a caf\u00C3\u00A9 scene", "a caf\u00E3\u00A9 scene"},                      // "é"
      {"the man\u00E2\u20AC\u2122s dog", "the man\u00E2\u20AC\u2122s dog"},        // "’" read as Windows-1252
      {"the man\u00E2\u0080\u0099s dog", "the man\u00E2\u20AC\u2122s dog"},        // and as Latin-1
      {"50 \u00E2\u201A\u00AC note", "50 \u00E2'\u00AC note"},                     // "€"; the other repairs go on
      {"30\u00C2\u00B0C", "30\u00E2\u00B0c"},                                      // "°"
      {"fa\u00C3\u00A7ade \u00C3 la carte", "fa\u00E3\u00A7ade \u00E3 la carte"},  // "à" whose second half became a space
      {"\u00F0\u0178\u02DC\u20AC", "\u00F0\u00FF\u02DC\u20AC"},                    // an emoji
  };
  for (const auto& [text, cleaned] : wrong) {
    EncodeReport report;
    EXPECT_EQ(clean_text(text, &report), cleaned);
    EXPECT_TRUE(report.mojibake) << text;
  }
}

TEST(CleanText, SoundTextIsNotTakenForMojibake) {
  for (const char* text :
       {"caf\u00E9, na\u00EFve fa\u00E7ade", "\u00C9\u2026 \u00C0 \u00BB", "Z\u00FCrich \u2013 M\u00FCnchen",
        "30\u00B0C \u00A9 2019\u2122", "\u00C5ngstr\u00F6m \u00C5 la", "\u6F22\u5B57 \u0645\u0631\u062D\u0628\u0627",
        "P\u0159\u00EDli\u0161 \u017Elu\u0165ou\u010Dk\u00FD k\u016F\u0148", "\u00ABd\u00E9j\u00E0\u00A0\u00BB", "Stra\u00DFe",
        "ma\u00F1ana \u00A1s\u00ED!"}) {
    EncodeReport report;
    clean_text(text, &report);
    EXPECT_FALSE(report.mojibake) << text;
  }
}

TEST(CleanText, InvalidBytesBecomeReplacementCharacters) {
  // One for each maximal part that begins a sequence, as Python's errors="replace".
  const std::vector<Case> cases = {
      {"caf\xE9 scene", "caf\uFFFD scene"},
      {"a\xFF\xFE", "a\uFFFD\uFFFD"},
      {"\xE2\x82", "\uFFFD"},
      {"\xE2\x82x", "\uFFFDx"},
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\xC0\xAF", "\uFFFD\uFFFD"},
      {"\xF0\x9F\x98", "\uFFFD"},
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
  };
  for (const auto& [text, cleaned] : cases) {
    EncodeReport report;
    EXPECT_EQ(clean_text(text, &report), cleaned);
    EXPECT_TRUE(report.invalid_utf8) << cleaned;
  }
  EncodeReport report;
  clean_text("caf\u00E9 \uFFFD", &report);  // a replacement character that was there is valid UTF-8
  EXPECT_FALSE(report.invalid_utf8);
}

TEST(CleanText, ReportIsSetAnewForEachTextAndMayBeLeftOut) {
  EncodeReport report{true, true, true};
  EXPECT_EQ(clean_text("A dog", &report), "a dog");
  EXPECT_FALSE(report.truncated || report.mojibake || report.invalid_utf8);
  report = {true, true, true};
  EXPECT_EQ(clean_text("caf\u00E9", &report), "caf\u00E9");
  EXPECT_FALSE(report.truncated || report.mojibake || report.invalid_utf8);
  EXPECT_EQ(clean_text("caf\xC3\x83\xC2\xA9"), "caf\u00E3\u00A9");
}

TEST(CleanText, PlainAndGeneralWayAgree) {
  // The same words, once as plain ASCII and once beside a character that sends all of them the long way.
  std::string plain, lowered;
  for (char c = '!'; c <= '~'; ++c) {
    if (c == '&') continue;
    plain += std::string(1, c) + (c % 3 == 0 ? "\t " : " ");
    lowered += std::string(1, c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) + " ";
  }
  EXPECT_EQ(clean_text(plain) + " ", lowered);
  EXPECT_EQ(clean_text(plain + "\u00E9"), lowered + "\u00E9");
}

}  // namespace
}  // namespace fsc
