// negatives.*: defaults, every key, and which configs are refused with which words.
#include <gtest/gtest.h>

#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

/// negatives.* under its key, as in a run's config.
struct Root {
  NegativesConfig negatives;
  void fields(config::Collector& v) { v.group(negatives, "negatives"); }
};

std::string problems_of(const std::string& negatives, NegativesConfig* read = nullptr) {
  Root root;
  config::Problems problems;
  config::read_yaml_text(config::fields_of(root), "negatives: " + negatives, "run.yaml", problems);
  if (problems.empty()) root.negatives.validate(problems);
  if (read) *read = root.negatives;
  return problems.text();
}

void expect_problem(const std::string& negatives, const std::vector<std::string>& parts) {
  const auto text = problems_of(negatives);
  for (const auto& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is not in: " << text << " of " << negatives;
}

TEST(NegativesConfig, Defaults) {
  NegativesConfig config;
  EXPECT_EQ(problems_of("{}", &config), "");
  EXPECT_EQ(config.source, NegativeSource::kNone);
  EXPECT_EQ(config.kinds, (std::vector<std::string>{"swap", "replace", "shuffle"}));
  EXPECT_TRUE(config.weights.empty());
  EXPECT_TRUE(config.fallback.empty());
  EXPECT_EQ(config.per_caption, 3);
  EXPECT_EQ(config.column, "neg_caption");
  EXPECT_EQ(config.sample, NegativeSample::kOne);
  EXPECT_FALSE(config.avoid_batch_captions) << "the official code keeps them";
}

TEST(NegativesConfig, EveryKey) {
  NegativesConfig config;
  EXPECT_EQ(problems_of("{source: generate, kinds: [svlc, swap], weights: [1, 0.5], fallback: [shuffle], per_caption: 5, column: "
                        "negs, sample: all, "
                        "avoid_batch_captions: true}",
                        &config),
            "");
  EXPECT_EQ(config.source, NegativeSource::kGenerate);
  EXPECT_EQ(config.kinds, (std::vector<std::string>{"svlc", "swap"}));
  EXPECT_EQ(config.weights, (std::vector<double>{1, 0.5}));
  EXPECT_EQ(config.fallback, std::vector<std::string>{"shuffle"});
  EXPECT_EQ(config.per_caption, 5);
  EXPECT_EQ(config.sample, NegativeSample::kAll);
  EXPECT_TRUE(config.avoid_batch_captions);
}

TEST(NegativesConfig, Count) {
  NegativesConfig config;
  EXPECT_EQ(config.count(), 0);
  config.source = NegativeSource::kGenerate;
  EXPECT_EQ(config.count(), 3);
  config.kinds = {"shuffle"};
  EXPECT_EQ(config.count(), 3) << "three of the one kind";
  config.source = NegativeSource::kColumn;
  EXPECT_EQ(config.count(), 1);
  config.sample = NegativeSample::kAll;
  config.per_caption = 7;
  EXPECT_EQ(config.count(), 7);
}

TEST(NegativesConfig, GenerateIsFineWithItsDefaultsAndWithRepeatedKinds) {
  EXPECT_EQ(problems_of("{source: generate}"), "");
  EXPECT_EQ(problems_of("{source: generate, kinds: [shuffle]}"), "");
  EXPECT_EQ(problems_of("{source: generate, kinds: [swap, swap, shuffle]}"), "");
}

TEST(NegativesConfig, KindsMustBeKnownAndHaveAPlace) {
  expect_problem("{kinds: [shufle]}", {"shufle", "shuffle"});
  expect_problem("{fallback: [shufle]}", {"negatives.fallback", "shufle"});
  expect_problem("{source: generate, kinds: []}", {"negatives.kinds", "the list is empty"});
  expect_problem("\n  source: generate\n  per_caption: 2",
                 {"run.yaml:3", "negatives.per_caption", "shuffle without a place", "per_caption: 3"});
  EXPECT_EQ(problems_of("{source: generate, per_caption: 2, weights: [1, 1, 1]}"), "") << "each kind has its chance";
}

TEST(NegativesConfig, WeightsMustFitTheKinds) {
  expect_problem("{source: generate, weights: [1, 2]}", {"negatives.weights", "2 weights for the 3"});
  expect_problem("{source: generate, weights: [0, 0, 0]}", {"negatives.weights", "above 0"});
  expect_problem("{source: generate, weights: [1, -1, 1]}", {"negatives.weights"});
  expect_problem("{source: generate, weights: [1, .inf, 1]}", {"negatives.weights"});
  expect_problem("{source: generate, weights: [1, .nan, 1]}", {"negatives.weights"});
}

TEST(NegativesConfig, KindsMatterToGenerateOnly) {
  EXPECT_EQ(problems_of("{source: column, kinds: [], weights: [1]}"), "");
  EXPECT_EQ(problems_of("{source: none, per_caption: 1}"), "");
}

TEST(NegativesConfig, OtherMistakes) {
  expect_problem("{source: column, column: ''}", {"negatives.column"});
  expect_problem("{per_caption: 0}", {"negatives.per_caption"});
  expect_problem("{source: file}", {"negatives.source"});
}

}  // namespace
}  // namespace fsc
