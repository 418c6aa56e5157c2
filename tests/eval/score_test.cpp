// The tree of scores against numbers worked out by hand.
#include "fsc/eval/score.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fsc {
namespace {

using Path = std::vector<std::string>;

/// `n` outcomes of a part, the first `hits` of them correct.
void add(Findings& findings, const Path& path, int64_t hits, int64_t n, double chance = 50) {
  for (int64_t i = 0; i < n; ++i) findings.outcomes.push_back({path, std::to_string(i), {}, i < hits, chance});
}

/// A made-up benchmark: `counting` is the mean of three files (one of which is made of two that are pooled), `existence` one
/// file; the benchmark is their mean.
Findings nested() {
  Findings findings;
  add(findings, {"existence"}, 30, 40);
  add(findings, {"counting", "hard"}, 1, 10, 25);
  add(findings, {"counting", "easy"}, 16, 20, 25);
  add(findings, {"counting", "more", "first"}, 3, 4, 20);
  add(findings, {"counting", "more", "second"}, 3, 16, 10);
  return findings;
}
const Rules kNested = {Rule::kMean, Rule::kMean, Rule::kPool};

TEST(Aggregate, PooledBelowAndAveragedAbove) {
  const Score whole = aggregate(nested(), kNested);
  ASSERT_EQ(whole.parts.size(), 2u);
  const Score &existence = whole.parts[0], &counting = whole.parts[1];
  ASSERT_EQ(counting.parts.size(), 3u);
  const Score& more = counting.parts[2];
  EXPECT_EQ(more.name, "more");
  EXPECT_DOUBLE_EQ(more.score, 30);  // 6 of 20, not the mean of 75 and 18.75
  EXPECT_DOUBLE_EQ(more.parts[0].score, 75);
  EXPECT_DOUBLE_EQ(more.parts[1].score, 18.75);
  EXPECT_DOUBLE_EQ(counting.score, 40);  // (10 + 80 + 30) / 3
  EXPECT_DOUBLE_EQ(existence.score, 75);
  EXPECT_DOUBLE_EQ(whole.score, 57.5);
  EXPECT_DOUBLE_EQ(more.chance, 12);  // (4 · 20 + 16 · 10) / 20
  EXPECT_NEAR(counting.chance, 62.0 / 3, 1e-12);
  EXPECT_NEAR(whole.chance, (50 + 62.0 / 3) / 2, 1e-12);
  EXPECT_EQ(whole.n, 90);
  EXPECT_EQ(counting.n, 50);
  EXPECT_EQ(more.n, 20);
}

TEST(Aggregate, IntervalsCombineUpwards) {
  const Score whole = aggregate(nested(), kNested);
  const Score& counting = whole.parts[1];
  const Interval hard = wilson_interval({1, 10}), easy = wilson_interval({16, 20}), more = wilson_interval({6, 20});
  const Interval existence = wilson_interval({30, 40});
  EXPECT_EQ(counting.parts[2].interval.low, more.low);
  const double below = std::sqrt(std::pow(10 - hard.low, 2) + std::pow(80 - easy.low, 2) + std::pow(30 - more.low, 2)) / 3;
  EXPECT_NEAR(counting.interval.low, 40 - below, 1e-9);
  EXPECT_NEAR(whole.interval.low, 57.5 - std::sqrt(std::pow(75 - existence.low, 2) + below * below) / 2, 1e-9);
  EXPECT_GT(whole.interval.high, 57.5);
}

TEST(Aggregate, PoolingTheWholeForgetsTheParts) {
  const Score whole = aggregate(nested(), {});
  EXPECT_DOUBLE_EQ(whole.score, 100.0 * 53 / 90);
  EXPECT_EQ(whole.interval.low, wilson_interval({53, 90}).low);
  EXPECT_EQ(whole.parts[1].score, 100.0 * 23 / 50);
}

TEST(Aggregate, OneQuestionWithoutParts) {
  Findings findings;
  add(findings, {}, 1, 7, 100.0 / 7);
  const Score whole = aggregate(findings, {});
  EXPECT_EQ(whole.score, 100.0 / 7);
  EXPECT_EQ(whole.chance, 100.0 / 7) << "to the bit, whatever seven of them add up to";
  EXPECT_TRUE(whole.parts.empty());
  EXPECT_TRUE(subtasks_of(whole).empty());
}

/// Groups of two captions and two images in two parts: the score is the group's, text and image are reported beside it.
Findings groups() {
  Findings findings;
  const auto add_group = [&](const char* part, bool text, bool image) {
    const bool both = text && image;
    findings.outcomes.push_back({{part}, "", {}, both, 100.0 / 6, {}, {{"text", text}, {"image", image}, {"group", both}}});
  };
  add_group("a", true, true), add_group("a", true, false);
  add_group("b", false, true), add_group("b", true, true), add_group("b", true, true), add_group("b", true, true);
  return findings;
}

TEST(Aggregate, FurtherQuestionsFollowTheSameRule) {
  const Score whole = aggregate(groups(), {Rule::kMean});
  EXPECT_DOUBLE_EQ(whole.score, (50 + 75) / 2.0);
  EXPECT_EQ(whole.n, 6) << "a group is one item";
  const std::vector<std::pair<std::string, double>> mean = {{"text", 87.5}, {"image", 75}, {"group", 62.5}};
  EXPECT_EQ(whole.numbers, mean);
  const std::vector<std::pair<std::string, double>> lines = {{"a/text", 100}, {"a/image", 50},  {"a/group", 50},
                                                             {"b/text", 75},  {"b/image", 100}, {"b/group", 75}};
  EXPECT_EQ(subtasks_of(whole), lines);
  const std::vector<std::pair<std::string, double>> pooled = {
      {"text", 100.0 * 5 / 6}, {"image", 100.0 * 5 / 6}, {"group", 100.0 * 4 / 6}};
  EXPECT_EQ(aggregate(groups(), {Rule::kPool}).numbers, pooled);
}

TEST(Aggregate, StatedNumbersStandAtTheirPart) {
  Findings findings = groups();
  findings.numbers = {{{"b"}, "area", 91.5}, {{}, "recall", 12}};
  findings.chance = 16;
  const Score whole = aggregate(findings, {Rule::kMean});
  EXPECT_EQ(whole.parts[1].numbers.back(), (std::pair<std::string, double>{"area", 91.5}));
  EXPECT_EQ(whole.numbers.back(), (std::pair<std::string, double>{"recall", 12}));
  EXPECT_EQ(whole.chance, 16);
  findings.numbers = {{{"c"}, "area", 1}};
  EXPECT_ANY_THROW(aggregate(findings, {Rule::kMean}));
}

TEST(Aggregate, RefusesWhatHasNoOneMeaning) {
  EXPECT_ANY_THROW(aggregate({}, {}));
  Findings beside;
  add(beside, {"a"}, 1, 2), add(beside, {}, 1, 2);
  EXPECT_ANY_THROW(aggregate(beside, {})) << "an outcome beside the parts";
  Findings twice;
  add(twice, {"a", "x"}, 1, 2), add(twice, {"b", "x"}, 1, 2);
  EXPECT_ANY_THROW(aggregate(twice, {})) << "two lines of one name";
}

TEST(Pools, AreTheOutcomesThatCountAlike) {
  const auto pools = pools_of(nested().outcomes, kNested);
  ASSERT_EQ(pools.size(), 4u);
  EXPECT_EQ(pools[1].correct, "1000000000");
  EXPECT_EQ(pools[3].correct, "11101110000000000000");
  double score = 0;
  for (const auto& pool : pools) {
    const auto hits = std::count(pool.correct.begin(), pool.correct.end(), '1');
    score += 100.0 * static_cast<double>(hits) / static_cast<double>(pool.correct.size()) / pool.one_in;
  }
  EXPECT_NEAR(score, 57.5, 1e-9);
  EXPECT_EQ(pools[0].one_in, 2);
  EXPECT_EQ(pools[3].one_in, 6);
  ASSERT_EQ(pools_of(nested().outcomes, {}).size(), 1u);
}

}  // namespace
}  // namespace fsc
