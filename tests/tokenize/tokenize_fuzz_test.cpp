// Hard and hostile texts: ids are those of some text, in time that grows with the length only. FSC_FUZZ_COUNT sets how many.
#include <gtest/gtest.h>

#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "fsc/core/assets.h"
#include "fsc/core/unicode.h"
#include "fsc/tokenize/tokenizer.h"
#include "support/fuzz.h"
#include "tokenize/detail_fix_text.h"
#include "tokenize/detail_html_entities.h"

namespace fsc {
namespace {

using test::hard_text;
using test::repeated;

constexpr size_t kMillion = 1'000'000;

struct Loaded {
  std::string name;
  std::unique_ptr<Tokenizer> tokenizer;
};

const std::vector<Loaded>& tokenizers() {
  static const auto kAll = [] {
    std::vector<Loaded> all;
    all.push_back({"CLIP", load_clip_tokenizer(find_asset("bpe_simple_vocab_16e6.txt"))});
    for (const char* model : {"spiece.model", "gemma.model"})
      all.push_back({model, load_sentencepiece_tokenizer(std::string(FSC_TEST_DATA "/golden/") + model)});
    return all;
  }();
  return kAll;
}

void expect_sound_ids(const Tokenizer& tokenizer, const std::string& text, int64_t context) {
  EncodeReport report;
  const auto ids = tokenizer.encode(text, context, &report);
  ASSERT_TRUE(!ids.empty() && ids.size() <= static_cast<size_t>(context)) << ids.size();
  for (const int64_t id : ids) ASSERT_TRUE(id >= 0 && id < tokenizer.vocab_size()) << id;
  ASSERT_EQ(ids.back(), tokenizer.encode("", context).back()) << "the end of the text";
  if (report.truncated && text.size() < 60'000) {
    ASSERT_EQ(ids.size(), static_cast<size_t>(context));
  }
}

void expect_clean(const std::string& text, TextClean clean) {
  EncodeReport report;
  const std::string cleaned = clean_text(text, &report, clean);
  ASSERT_EQ(valid_utf8(cleaned), cleaned);
  ASSERT_EQ(report.invalid_utf8, valid_utf8(text) != text);
  ASSERT_EQ(cleaned.find("  "), cleaned.npos) << cleaned;
  ASSERT_FALSE(cleaned.starts_with(' ') || cleaned.ends_with(' ')) << cleaned;
  ASSERT_EQ(cleaned.find_first_of("\t\n\r"), cleaned.npos) << cleaned;
}

TEST(TokenizerFuzz, HardTextsGiveSoundIds) {
  std::set<std::vector<int64_t>> distinct;
  for (uint64_t round = 0; round < test::fuzz_count(3000) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    Rng rng({round});
    const std::string text = hard_text(rng);
    for (const auto clean : {TextClean::kWhitespace, TextClean::kLower, TextClean::kCanonicalize}) expect_clean(text, clean);
    for (const auto& [name, tokenizer] : tokenizers()) {
      SCOPED_TRACE(name);
      for (const int64_t context : {1, 2, 77}) expect_sound_ids(*tokenizer, text, context);
      distinct.insert(tokenizer->encode(text, 77));
    }
  }
  EXPECT_GT(distinct.size(), test::fuzz_count(3000));
}

/// What fix_text promises, done as ftfy does it: one layer of references, then all other repairs, until nothing changes.
std::u32string round_by_round(std::u32string text) {
  const bool unescape = text.find(U'<') == text.npos;
  while (true) {
    // Behind a line with "<" fix_text replaces no references.
    std::u32string next = detail::fix_text(U"<\n" + (unescape ? detail::unescape_html_strict(text) : text), nullptr).substr(2);
    if (next == text) return text;
    text = std::move(next);
  }
}

TEST(TokenizerFuzz, OneSweepEqualsRoundsOfRepairs) {
  size_t changed = 0;
  for (uint64_t round = 0; round < test::fuzz_count(20'000); ++round) {
    Rng rng({round, 1});
    std::u32string text = decode_utf8(hard_text(rng));
    std::erase(text, U'\n');
    const std::u32string fixed = detail::fix_text(text, nullptr);
    ASSERT_EQ(encode_utf8(fixed), encode_utf8(round_by_round(text))) << round << ": " << encode_utf8(text);
    changed += fixed != text;
  }
  EXPECT_GT(changed, test::fuzz_count(20'000) / 2);
}

TEST(TokenizerFuzz, NestedReferencesAreReadToTheEnd) {
  const auto nested = [](std::string_view begin, std::string_view middle, std::string_view end, size_t times) {
    return std::string(begin) + repeated(middle, times) + std::string(end);
  };
  for (const size_t depth : {1, 2, 5, 50}) {
    EXPECT_EQ(clean_text(nested("x&", "amp;", "lt;", depth), nullptr), "x<") << depth;
    EXPECT_EQ(clean_text(nested("&#xFF06;", "#xFF06;", "#65;", depth), nullptr), "a") << depth;
    EXPECT_EQ(clean_text(repeated("&#x37E", depth) + ";", nullptr), ";") << depth;
  }
}

/// A million characters or so of each; what takes time in proportion to the square of the length takes many minutes here.
TEST(TokenizerFuzz, AMillionCharactersTakeNoMinutes) {
  const std::vector<std::pair<const char*, std::string>> texts = {
      {"references in references", "&" + repeated("amp;", kMillion / 4 - 1)},
      {"references from the left", repeated("&#5", kMillion / 4) + "&#49;" + repeated(";", kMillion / 4)},
      {"wide references", "&#xFF06;" + repeated("#xFF06;", kMillion / 8)},
      {"references by normal forms", repeated("&#x37E", kMillion / 6) + ";"},
      {"ampersands", repeated("&", kMillion)},
      {"semicolons", "\u00E9" + repeated(";", kMillion)},
      {"digits of a reference", "&#" + repeated("1", kMillion)},
      {"marks above and below", "e" + repeated("\u0301\u0316", kMillion / 2)},
      {"marks of two parts", "e" + repeated("\u0344\u0316", kMillion / 2)},
      {"marks that compose", repeated("u\u0308\u0301\u0323", kMillion / 4)},
      {"sigmas and marks", repeated("\u03A3\u0301", kMillion / 2)},
      {"terminal escapes", repeated("\x1B[", kMillion / 2) + repeated("1;", kMillion / 2)},
      {"broken UTF-8", repeated("\xE2\x82", kMillion)},
      {"one word", repeated("z", kMillion)},
      {"one word of many merges", repeated("ab", kMillion / 2)},
      {"one word without a blank", repeated("\u732B", kMillion)},
      {"apostrophes", repeated("'", kMillion)},
      {"blanks", "a" + repeated(" ", kMillion) + "b"},
      {"words", repeated("a dog ", kMillion / 6)},
      {"special tokens", repeated("<start_of_text>", kMillion / 15)},
      {"Hangul", repeated("\u1100\u1161\u11A8", kMillion / 3)},
      {"vowel signs that compose", repeated("\u09C7\u09BE", kMillion / 2)},
      {"vowel signs", "\u09C7" + repeated("\u09BE", kMillion)},
  };
  for (const auto& [what, text] : texts) {
    SCOPED_TRACE(what);
    for (const auto& [name, tokenizer] : tokenizers()) {
      const double begin = test::processor_seconds();
      expect_sound_ids(*tokenizer, text, 77);
      std::cout << what << ", " << name << ": " << test::processor_seconds() - begin << " s" << std::endl;
    }
  }
}

}  // namespace
}  // namespace fsc
