// negatives.*: where the negatives of a sample come from, how many, and which configs are refused.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fsc/core/error.h"
#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

const NegativeTexts kListed = {"one", std::nullopt, "two", "", "three"};
const std::string kCaption = "a dog chases two cats over the lawn";

NegativeTexts make(const NegativesConfig& config, const NegativeTexts& listed, uint64_t seed = 1) {
  Rng rng({seed});
  return make_negatives(config, kCaption, listed, rng);
}

TEST(MakeNegatives, NoSourceNoNegatives) {
  EXPECT_TRUE(make({}, kListed).empty());
  EXPECT_EQ(NegativesConfig{}.count(), 0);
}

TEST(MakeNegatives, OneIsDrawnEvenlyAmongThoseThatExist) {
  const NegativesConfig config{.source = NegativeSource::kColumn, .sample = NegativeSample::kOne};
  EXPECT_EQ(config.count(), 1);
  std::map<std::string, int> counts;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const auto made = make(config, kListed, seed);
    ASSERT_EQ(made.size(), 1u);
    ++counts[made[0].value()];
  }
  EXPECT_EQ(counts.size(), 3u);
  for (const auto& [text, count] : counts) EXPECT_NEAR(count, 1000, 150) << text;
}

TEST(MakeNegatives, OneOfNothingIsAMissingOne) {
  const NegativesConfig config{.source = NegativeSource::kColumn, .sample = NegativeSample::kOne};
  for (const auto& listed : {NegativeTexts{}, NegativeTexts{std::nullopt, ""}})
    EXPECT_EQ(make(config, listed), NegativeTexts{std::nullopt});
}

TEST(MakeNegatives, AllArePaddedOrCutToPerCaption) {
  NegativesConfig config{.source = NegativeSource::kColumn, .per_caption = 7, .sample = NegativeSample::kAll};
  EXPECT_EQ(config.count(), 7);
  auto padded = kListed;
  padded.resize(7);
  EXPECT_EQ(make(config, kListed), padded);
  config.per_caption = 2;
  EXPECT_EQ(make(config, kListed), (NegativeTexts{"one", std::nullopt}));
  EXPECT_EQ(make(config, {}), (NegativeTexts{std::nullopt, std::nullopt}));
}

TEST(MakeNegatives, AllDoNotDependOnTheStream) {
  const NegativesConfig config{.source = NegativeSource::kColumn, .sample = NegativeSample::kAll};
  EXPECT_EQ(make(config, kListed, 1), make(config, kListed, 2));
}

TEST(MakeNegatives, GeneratedOnesComeFromTheCaptionAndIgnoreTheColumn) {
  const NegativesConfig config{.source = NegativeSource::kGenerate, .kinds = {"shuffle"}};
  EXPECT_EQ(config.count(), 1);
  const auto made = make(config, kListed);
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0]->size(), kCaption.size());
  EXPECT_NE(made[0], kCaption);
  EXPECT_EQ(make(config, {}), made);
  Rng rng({1});
  EXPECT_EQ(make_negatives(config, "a dog", kListed, rng), NegativeTexts{std::nullopt});
}

TEST(MakeNegatives, EverySlotHasAStreamOfItsOwn) {
  const NegativesConfig one{.source = NegativeSource::kGenerate, .kinds = {"shuffle"}},
      two{.source = NegativeSource::kGenerate, .kinds = {"shuffle", "shuffle"}};
  EXPECT_EQ(two.count(), 2);
  int different = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto made = make(two, {}, seed);
    EXPECT_EQ(made[0], make(one, {}, seed)[0]);
    different += made[0] != made[1];
  }
  EXPECT_GT(different, 40);
}

TEST(MakeNegatives, KindsThatCannotBeMadeYetAreRefusedByName) {
  for (const char* kind : {"swap", "replace"}) {
    try {
      make({.source = NegativeSource::kGenerate, .kinds = {kind}}, {});
      FAIL() << kind;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(kind), std::string::npos) << error.what();
    }
  }
}

/// negatives.* under its key, as in a run's config.
struct Root {
  NegativesConfig negatives;
  template <class V>
  void fields(V& v) {
    v.group(negatives, "negatives");
  }
};

std::string problems_of(const std::string& negatives, NegativesConfig* read = nullptr) {
  Root root;
  config::Problems problems;
  config::read_yaml_text(config::fields_of(root), "negatives: " + negatives, "run.yaml", problems);
  if (problems.empty()) root.negatives.validate(problems);
  if (read) *read = root.negatives;
  return problems.text();
}

TEST(NegativesConfig, DefaultsAndEveryKey) {
  NegativesConfig config;
  EXPECT_EQ(problems_of("{}", &config), "");
  EXPECT_EQ(config.source, NegativeSource::kNone);
  EXPECT_EQ(config.kinds, (std::vector<std::string>{"swap", "replace", "shuffle"}));
  EXPECT_EQ(config.column, "neg_caption");
  EXPECT_EQ(problems_of("{source: column, column: negs, sample: all, per_caption: 5, kinds: [shuffle]}", &config), "");
  EXPECT_EQ(config.source, NegativeSource::kColumn);
  EXPECT_EQ(config.sample, NegativeSample::kAll);
  EXPECT_EQ(config.count(), 5);
}

TEST(NegativesConfig, GenerateWithTheDefaultKindsSaysWhatToWrite) {
  const auto text = problems_of("{source: generate}");
  EXPECT_NE(text.find("negatives.kinds"), std::string::npos) << text;
  EXPECT_NE(text.find("swap and replace are not available yet"), std::string::npos) << text;
  EXPECT_NE(text.find("write kinds: [shuffle]"), std::string::npos) << text;
}

TEST(NegativesConfig, SwapAndReplaceAreRefusedWithTheirLine) {
  const auto text = problems_of("\n  source: generate\n  kinds: [shuffle, replace]");
  EXPECT_NE(text.find("run.yaml:3"), std::string::npos) << text;
  EXPECT_NE(text.find("replace is not available yet"), std::string::npos) << text;
  EXPECT_EQ(text.find("swap"), std::string::npos) << text;
  EXPECT_EQ(text.find("the default"), std::string::npos) << text;
}

TEST(NegativesConfig, ShuffleIsAvailable) { EXPECT_EQ(problems_of("{source: generate, kinds: [shuffle]}"), ""); }

TEST(NegativesConfig, KindsMatterToGenerateOnly) {
  EXPECT_EQ(problems_of("{source: column, kinds: [swap]}"), "");
  EXPECT_EQ(problems_of("{source: none}"), "");
}

TEST(NegativesConfig, OtherMistakes) {
  EXPECT_NE(problems_of("{source: generate, kinds: []}").find("the list is empty"), std::string::npos);
  EXPECT_NE(problems_of("{source: column, column: ''}").find("negatives.column"), std::string::npos);
  EXPECT_NE(problems_of("{kinds: [shufle]}").find("shufle"), std::string::npos);
  EXPECT_NE(problems_of("{per_caption: 0}").find("negatives.per_caption"), std::string::npos);
  EXPECT_NE(problems_of("{source: file}").find("negatives.source"), std::string::npos);
}

}  // namespace
}  // namespace fsc
