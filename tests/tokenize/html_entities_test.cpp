// Both rules for character references, at the edges that captions seldom reach, and a damaged table of names.
#include "tokenize/detail_html_entities.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "fsc/core/assets.h"
#include "fsc/core/error.h"
#include "fsc/core/unicode.h"
#include "fsc/tokenize/tokenizer.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

std::string generous(const std::string& text) { return encode_utf8(detail::unescape_html(decode_utf8(text))); }
std::string strict(const std::string& text) { return encode_utf8(detail::unescape_html_strict(decode_utf8(text))); }

TEST(HtmlEntities, GenerousRuleTakesTheLongestKnownName) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"&notin; &notit; &not", "\u2209 \u00ACit; \u00AC"},
      {"&Aacute&aacute;&copy1", "\u00C1\u00E1\u00A91"},
      {"&bogus; &hellip &; & &&", "&bogus; &hellip &; & &&"},  // hellip needs its semicolon
      {"&#x41;&#X41;&#65;&#0065", "AAAA"},
      {"&#x; &#; &#q", "&#x; &#; &#q"},
      {"&#128;&#x9f;&#129;", "\u20AC\u0178\u0081"},
      {"&#0;&#xDFFF;&#x110000;&#99999999999999999999;", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"a&#1;&#x0b;&#xFFFE;&#xFDD0;b", "ab"},
      {"&NotEqualTilde;", "\u2242\u0338"},
      {"&amp;amp;", "&amp;"},  // one level a pass
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(generous(text), expected) << text;
}

TEST(HtmlEntities, StrictRuleWantsWholeReferences) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"&eacute; &EACUTE; &Eacute;", "\u00E9 \u00C9 \u00C9"},
      {"&eacute &notit; &copy2024", "&eacute &notit; &copy2024"},
      {"&SZLIG; &NTILDE; &nTILDE;", "SS \u00D1 &nTILDE;"},
      {"&AMP; &LT;", "& <"},
      {"&#233; &#xE9; &#233 &#xE9z;", "\u00E9 \u00E9 &#233 &#xE9z;"},
      {"&#59; &#x3B;", "&#59; &#x3B;"},                                            // an escaped semicolon stays
      {"&CounterClockwiseContourIntegral;", "&CounterClockwiseContourIntegral;"},  // longer than ftfy looks
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(strict(text), expected) << text;
}

/// Ends the process: 0 with the Error's message on stderr, 1 if the tokenizer loads. The table is read once per process.
[[noreturn]] void load_with_assets(const std::string& assets, const std::string& vocabulary) {
  ::setenv("FSC_ASSETS_DIR", assets.c_str(), 1);
  try {
    load_clip_tokenizer(vocabulary);
  } catch (const Error& error) {
    std::fputs(error.what(), stderr);
    std::exit(0);
  }
  std::exit(1);
}

TEST(HtmlEntitiesDeathTest, DamagedTableIsToldWhenTheTokenizerLoads) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a process of its own, where no other test has read the table
  const std::string vocabulary = find_asset("bpe_simple_vocab_16e6.txt");
  for (const auto& [contents, reason] :
       std::vector<std::pair<std::string, std::string>>{{"", "not a JSON object"},
                                                        {"{\"amp;\": \"&\",", "not a JSON object"},
                                                        {"[1]", "not a JSON object"},
                                                        {R"({"amp;": 38})", "entry \"amp;\""},
                                                        {R"({"": "x"})", "entry \"\""},
                                                        {R"({"lt;": "<"})", "has no \"amp;\""}}) {
    const test::TempDir dir;
    dir.write("html5_entities.json", contents);
    EXPECT_EXIT(load_with_assets(dir.path(), vocabulary), testing::ExitedWithCode(0),
                "html5_entities.json is damaged: delete it and run scripts/setup again .*" + reason);
  }
}

}  // namespace
}  // namespace fsc
