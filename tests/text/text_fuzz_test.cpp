// Hard and hostile captions: an analysis that hangs together, in time that grows with the length only. FSC_FUZZ_COUNT sets how
// many.
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "fsc/core/unicode.h"
#include "fsc/text/text_model.h"
#include "support/fuzz.h"

namespace fsc {
namespace {

using test::hard_text;
using test::repeated;

const TextModel& fuzzed_model() {
  static const auto kModel = TextModel::shared();
  return *kModel;
}

void expect_sound_tokens(const Analysis& analysis) {
  const auto count = static_cast<int32_t>(analysis.tokens.size());
  ASSERT_LE(analysis.tokens.size(), TextModel::kMaxTokens);
  uint32_t end = 0;
  for (const Token& token : analysis.tokens) {
    ASSERT_EQ(token.begin, end);
    ASSERT_GT(token.end, token.begin);
    end = token.end + token.space_after;
    ASSERT_LE(end, analysis.text.size());
    ASSERT_LT(token.tag, fuzzed_model().tags().size());
    ASSERT_LT(token.dependency, fuzzed_model().dependencies().size());
    ASSERT_TRUE(token.head >= 0 && token.head < count) << token.head;
  }
  if (analysis.tokens.size() < TextModel::kMaxTokens) {
    ASSERT_EQ(end, analysis.text.size());
  }
}

/// Also what the generators of negatives ask for.
void expect_sound(const Analysis& analysis, std::string_view caption) {
  ASSERT_EQ(analysis.text, valid_utf8(caption));
  ASSERT_NO_FATAL_FAILURE(expect_sound_tokens(analysis));
  const auto count = static_cast<int32_t>(analysis.tokens.size());
  int32_t last = 0;
  for (const Span& chunk : analysis.noun_chunks) {
    ASSERT_TRUE(chunk.first >= last && chunk.first < chunk.last && chunk.last <= count);
    last = chunk.last;
    const int32_t root = root_of(analysis, chunk);
    ASSERT_TRUE(root >= chunk.first && root < chunk.last);
  }
  for (int32_t token = 0; token < count; ++token) {
    const std::string word(analysis.word(token)), lemma = fuzzed_model().lemma(analysis, token);
    ASSERT_EQ(valid_utf8(lemma), lemma);
    is_upper_case(word), is_title_case(word);
    fuzzed_model().wordnet().replacements(word, WordClass::kNoun);
    ASSERT_EQ(valid_utf8(fuzzed_model().inflections().inflect(word, "NNS")).empty(), word.empty());
  }
}

TEST(TextFuzz, HardCaptionsGiveSoundAnalyses) {
  size_t tokens = 0, chunks = 0;
  for (uint64_t round = 0; round < test::fuzz_count(1500) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    Rng rng({round, 3});
    std::string caption = hard_text(rng);
    if (rng.below(2)) caption = "A man " + caption + " rides two dogs near " + caption;
    const Analysis analysis = fuzzed_model().analyse(caption);
    expect_sound(analysis, caption);
    tokens += analysis.tokens.size(), chunks += analysis.noun_chunks.size();
  }
  EXPECT_GT(tokens, 10 * test::fuzz_count(1500));
  EXPECT_GT(chunks, test::fuzz_count(1500));
}

std::string random_bytes(Rng& rng, uint64_t most) {
  std::string bytes;
  for (uint64_t left = rng.below(most); left > 0; --left) bytes += static_cast<char>(rng.below(256));
  return bytes;
}

TEST(TextFuzz, RandomBytesGiveSoundAnalyses) {
  for (uint64_t round = 0; round < test::fuzz_count(300) && !HasFatalFailure(); ++round) {
    SCOPED_TRACE(round);
    Rng rng({round, 4});
    const std::string caption = random_bytes(rng, 400);
    expect_sound(fuzzed_model().analyse(caption), caption);
  }
}

/// A chunk of text as long as those that are still cut into words, made of `unit`; all of them different.
std::string chunks_of(std::string_view unit) {
  std::string text;
  for (int i = 0; i < 600; ++i) text += std::to_string(i) + repeated(unit, 990 / unit.size()) + " ";
  return text;
}

/// Half a million characters or more of each, which take some seconds at most.
TEST(TextFuzz, EndlessCaptionsTakeNoMinutes) {
  constexpr size_t kMillion = 1'000'000;
  std::vector<std::pair<std::string, std::string>> captions = {
      {"one word", repeated("z", kMillion)},
      {"verbs and one word", "He runs " + repeated("z", kMillion) + repeated(" and walks", 300)},
      {"long verbs", repeated(repeated("z", 5000) + "ing and ", 500)},
      {"blanks", "a" + repeated(" ", kMillion) + "b"},
      {"short words", repeated("a dog ", kMillion / 6)},
      {"marks", "e" + repeated("\u0301\u0316", kMillion / 2)},
      {"broken UTF-8", repeated("\xE2\x82", kMillion)},
      {"special cases", repeated("(don't) ", kMillion / 8)},
  };
  for (const char* unit : {"(",       ")",    ".", "...", "'",  "-",  "a-",     "a.",     "x/", "1",  "1,",
                           "http://", "a.b/", "@", "a@",  "'s", ":)", "\u00B0", "\u732B", "$",  "km", "A.B"})
    captions.emplace_back(std::string("chunks of ") + unit, chunks_of(unit));
  for (const auto& [what, caption] : captions) {
    SCOPED_TRACE(what);
    const double begin = test::processor_seconds();
    const Analysis analysis = fuzzed_model().analyse(caption);
    const double analysed = test::processor_seconds();
    expect_sound(analysis, caption);
    std::cout << what << ": " << analysed - begin << " s, then " << test::processor_seconds() - analysed << " s" << std::endl;
  }
}

}  // namespace
}  // namespace fsc
