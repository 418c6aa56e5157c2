// Lists of phrases: what they hold, and damaged files.
#include "fsc/text/phrases.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "support/expect_error.h"
#include "text/lexicon_bytes.h"

namespace fsc {
namespace {

using test::Bytes;

TEST(Phrases, HoldTheReferencesLists) {
  const auto phrases = Phrases::parse(test::model_file("phrases.bin"), "phrases.bin");
  EXPECT_TRUE(phrases.phrasal_verbs.contains("swing at"));
  EXPECT_FALSE(phrases.phrasal_verbs.contains("look at"));
  EXPECT_EQ(phrases.phrasal_prepositions.size(), 10u);
  EXPECT_TRUE(phrases.phrasal_prepositions.contains("in front of"));
  const std::map<std::string, uint32_t> prepositions(phrases.prepositions.begin(), phrases.prepositions.end());
  EXPECT_EQ(prepositions.size(), 75u);
  EXPECT_TRUE(std::is_sorted(phrases.prepositions.begin(), phrases.prepositions.end()));
  EXPECT_EQ(prepositions.at("of"), 6221u);
  EXPECT_EQ(prepositions.at("in"), 3404u);
  EXPECT_EQ(prepositions.at("in front of"), 17u);
  EXPECT_EQ(prepositions.at("on side of"), 1u) << "the least weight";
}

TEST(Phrases, DamagedFilesAreRefused) {
  Bytes bytes;
  bytes.pool({"look at"}).pool({"in front of", "on top of"}).pool({"in", "of"}).u32({5, 9});
  const auto parse = [](std::string_view text) { Phrases::parse(text, "phrases.bin"); };
  EXPECT_EQ(Phrases::parse(bytes.text(), "phrases.bin").prepositions.size(), 2u);
  test::expect_cuts_refused(bytes.text(), parse);
  test::expect_numbers_checked(bytes.text(), parse);
  for (const uint32_t weight : {0u, 0xFFFFFFFFu}) {
    const std::string damaged = bytes.text().substr(0, bytes.text().size() - 4) + Bytes().u32({weight}).text();
    test::expect_error([&] { parse(damaged); }, ExitCode::kFailed, {"phrases.bin", std::to_string(weight), "scripts/setup"});
  }
}

}  // namespace
}  // namespace fsc
