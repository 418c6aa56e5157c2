// Token ids equal open_clip's on every golden text: real captions and a list of nasty ones.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fsc/core/assets.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {
namespace {

std::string text_of(const nlohmann::json& entry) {
  if (entry.contains("text")) return entry["text"].get<std::string>();
  const auto piece = entry["repeat"][0].get<std::string>();
  std::string text;
  for (int i = 0; i < entry["repeat"][1].get<int>(); ++i) text += piece;
  return text;
}

TEST(TokenGolden, EveryTextHasOpenClipsIds) {
  std::ifstream file(FSC_TEST_DATA "/golden/tokens.json");
  const auto golden = nlohmann::json::parse(file);
  const auto tokenizer = load_clip_tokenizer(find_asset("bpe_simple_vocab_16e6.txt"));
  const auto context = golden["meta"]["context_length"].get<int64_t>();
  std::map<std::string, int> groups;
  for (const auto& entry : golden["cases"]) {
    const std::string text = text_of(entry);
    EXPECT_EQ(tokenizer->encode(text, context), entry["ids"].get<std::vector<int64_t>>())
        << entry["group"] << ": " << text.substr(0, 200);
    ++groups[entry["group"].get<std::string>()];
  }
  EXPECT_GE(groups["captions"], 300);
  for (const char* group :
       {"empty", "emoji", "combining", "cjk", "scripts", "case", "entities", "contractions", "quotes", "compat", "controls", "c1",
        "invisible", "spaces", "digits", "special", "punctuation", "case runs", "long"}) {
    EXPECT_GE(groups[group], 5) << group;
  }
}

}  // namespace
}  // namespace fsc
