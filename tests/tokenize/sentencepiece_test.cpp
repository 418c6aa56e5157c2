// Sentencepiece models: ids as open_clip's HFTokenizer gives them, canonical clean-up, padding, truncation, damaged models.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/tokenize/tokenizer.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using Ids = std::vector<int64_t>;
const std::string kGolden = FSC_TEST_DATA "/golden/";

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
nlohmann::json read_json(const std::string& name) { return nlohmann::json::parse(read_text(kGolden + name)); }

const Tokenizer& spiece() {
  static const auto loaded = load_sentencepiece_tokenizer(kGolden + "spiece.model");
  return *loaded;
}
const Tokenizer& gemma() {
  static const auto loaded = load_sentencepiece_tokenizer(kGolden + "gemma.model");
  return *loaded;
}

TEST(Sentencepiece, IdsAreOpenClipsOnDifficultTexts) {
  const auto texts = read_json("tokens.json")["cases"];
  const auto golden = read_json("sentencepiece.json")["cases"];
  ASSERT_GT(golden.size(), 600u);
  int wrong = 0;
  for (const auto& item : golden) {
    const auto& source = texts.at(item["index"].get<size_t>());
    std::string text = source.value("text", "");
    if (source.contains("repeat")) {
      for (int i = 0; i < source["repeat"][1].get<int>(); ++i) text += source["repeat"][0].get<std::string>();
    }
    const bool same =
        spiece().encode(text, 64) == item["spiece"].get<Ids>() && gemma().encode(text, 64) == item["gemma"].get<Ids>();
    EXPECT_TRUE(same || ++wrong > 10) << item["index"] << ": " << text.substr(0, 80);
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Sentencepiece, PadsAsTheModelsWereTrained) {
  EXPECT_TRUE(spiece().fills_context() && gemma().fills_context());
  EXPECT_EQ(spiece().pad_id(), 1);  // SigLIP: EOS
  EXPECT_EQ(gemma().pad_id(), 0);   // SigLIP2: <pad>
  EXPECT_EQ(spiece().vocab_size(), 512);
  EXPECT_EQ(gemma().vocab_size(), 640);
  EXPECT_EQ(spiece().fingerprint(), sha256_file(kGolden + "spiece.model"));
}

TEST(Sentencepiece, TextsEndWithEosAlsoWhenCut) {
  EXPECT_EQ(spiece().encode("", 64), (Ids{1}));
  EXPECT_EQ(spiece().encode(" ?! ", 64), (Ids{1}));
  const Ids whole = spiece().encode("a red dog on the table", 64);
  EXPECT_EQ(whole.back(), 1);
  EncodeReport report;
  EXPECT_EQ(spiece().encode("a red dog on the table", static_cast<int64_t>(whole.size()), &report), whole);
  EXPECT_FALSE(report.truncated);
  const Ids cut = spiece().encode("a red dog on the table", 3, &report);
  EXPECT_TRUE(report.truncated);
  EXPECT_EQ(cut, (Ids{whole[0], whole[1], 1}));
  EXPECT_EQ(spiece().encode("a", 1), (Ids{1}));
  EXPECT_THROW(spiece().encode("a", 0), Error);
}

TEST(Sentencepiece, EndlessTextsAreCutBetweenCharacters) {
  EncodeReport report;
  std::string text = "a dog ", kept;
  while (text.size() < 70'000) {
    if (text.size() + 3 <= 65'536) kept = text + "\u732B";
    text += "\u732B";
  }
  ASSERT_EQ(kept.size(), 65'535u);
  const Ids ids = spiece().encode(text, 100'000, &report);
  EXPECT_TRUE(report.truncated);
  EXPECT_EQ(ids, spiece().encode(kept, 100'000, &report));
  EXPECT_FALSE(report.truncated);
}

TEST(Sentencepiece, CleanUpIsTheOneAskedFor) {
  const auto lower = load_sentencepiece_tokenizer(kGolden + "spiece.model", TextClean::kLower);
  const auto plain = load_sentencepiece_tokenizer(kGolden + "spiece.model", TextClean::kWhitespace);
  const std::string text = "A red_dog,  isn't it?";
  EXPECT_EQ(spiece().encode(text, 64), spiece().encode("a red dog isnt it", 64));
  EXPECT_EQ(lower->encode(text, 64), plain->encode("a red_dog, isn't it?", 64));
  EXPECT_NE(lower->encode(text, 64), spiece().encode(text, 64));
  EXPECT_NE(plain->encode(text, 64), lower->encode(text, 64));
  EXPECT_EQ(spiece().encode("caf\u00e9 &amp; \u201cdog\u201d", 64),
            spiece().encode("caf\u00e9 dog", 64));  // ftfy straightens quotes
}

TEST(CleanText, CanonicalFormHasNoAsciiPunctuation) {
  const auto canonical = [](std::string_view text) { return clean_text(text, nullptr, TextClean::kCanonicalize); };
  EXPECT_EQ(canonical("  A_b-c. D'E  (f)\t"), "a bc de f");
  EXPECT_EQ(canonical("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), "");
  EXPECT_EQ(canonical("\u00C9t\u00E9 \u2014 \u4E2D\u3002!"), "\u00E9t\u00E9 \u2014 \u4E2D\u3002");  // only ASCII's goes
  EXPECT_EQ(canonical("&lt;b&gt; x &amp;amp; y"), "b x y");
  EXPECT_EQ(clean_text(" A_b. ", nullptr, TextClean::kWhitespace), "A_b.");
  EXPECT_EQ(clean_text(" \u00C9_b. ", nullptr, TextClean::kWhitespace), "\u00C9_b.");
}

TEST(Sentencepiece, ThreadsGetTheSameIds) {
  const Ids expected = gemma().encode("a small blue bicycle near the old bridge \U0001F6B2", 64);
  std::vector<std::thread> threads;
  std::vector<int> same(4, 0);
  for (size_t t = 0; t < same.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i)
        same[t] += gemma().encode("a small blue bicycle near the old bridge \U0001F6B2", 64) == expected;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(same, std::vector<int>(4, 200));
}

TEST(SentencepieceBadInput, OtherFilesAreRefused) {
  const test::TempDir dir;
  const std::string whole = read_text(kGolden + "gemma.model");
  const auto refused = [&](const std::string& contents) {
    std::ofstream(dir.path() / "x.model", std::ios::binary) << contents;
    try {
      load_sentencepiece_tokenizer(dir.path() / "x.model");
    } catch (const Error& error) {
      return std::string(error.what()).find("x.model") != std::string::npos;
    }
    return false;
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused("{\"model\": {}}"));
  EXPECT_TRUE(refused(whole.substr(0, whole.size() / 2)));
  EXPECT_TRUE(refused(std::string(1000, '\xff')));
  EXPECT_THROW(load_sentencepiece_tokenizer(dir.path() / "absent.model"), Error);
  EXPECT_THROW(load_sentencepiece_tokenizer(dir.path()), Error);
}

}  // namespace
}  // namespace fsc
