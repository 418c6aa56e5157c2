// The guard's decisions on cases worked out by hand.
#include "train/guard/detail_guard_rules.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {
using namespace detail;

TaskOutcome task(const std::string& label, TaskKind kind, std::vector<std::string> correct) {
  TaskOutcome one{label, kind, 0, std::move(correct)};
  for (const auto& category : one.correct)
    one.score += 100.0 * static_cast<double>(std::count(category.begin(), category.end(), '1')) /
                 static_cast<double>(category.size() * one.correct.size());
  return one;
}

/// Composition, zero-shot and two retrieval tasks of 10 items each.
Outcomes outcomes(const std::string& composition, const std::string& zeroshot, const std::string& first,
                  const std::string& second) {
  return {task("c", TaskKind::kComposition, {composition}), task("z", TaskKind::kZeroShot, {zeroshot}),
          task("r1", TaskKind::kRetrieval, {first}), task("r2", TaskKind::kRetrieval, {second})};
}
const std::string kFive = "1111100000", kFour = "1111000000", kSix = "1111110000", kAll = "1111111111";

ProbePoint point(int64_t step, double composition, double forgetting, bool abandoned = false) {
  ProbePoint made;
  made.step = step;
  made.composition = composition;
  made.forgetting = made.certain = forgetting;
  made.abandoned = abandoned;
  return made;
}

TEST(GuardRules, AChangeOfOneTaskIsTheMeanOverItsCategories) {
  // Category 0: 2 of 4 gained, none lost; category 1: 1 of 2 lost: (50 - 50) / 2 = 0. The first alone: +50.
  const auto before = task("t", TaskKind::kComposition, {"1000", "11"}), now = task("t", TaskKind::kComposition, {"1110", "10"});
  const ScoreChange change = task_change(before, now);
  EXPECT_DOUBLE_EQ(change.score, 62.5);
  EXPECT_DOUBLE_EQ(change.change.value, 0);
  EXPECT_LT(change.change.interval.low, 0);
  EXPECT_GT(change.change.interval.high, 0);
  EXPECT_DOUBLE_EQ(task_change(task("t", TaskKind::kZeroShot, {"1000"}), task("t", TaskKind::kZeroShot, {"1110"})).change.value,
                   50);
}

TEST(GuardRules, ForgettingIsTheWorseMeanAndCompositionDoesNotCount) {
  // Zero-shot 50 -> 60; retrieval mean (50 + 50) / 2 -> (40 + 100) / 2 = 70.
  const Outcomes before = outcomes(kFive, kFive, kFive, kFive);
  ProbePoint made = make_point(7, before, outcomes(kFour, kSix, kFour, kAll));
  EXPECT_EQ(made.step, 7);
  EXPECT_DOUBLE_EQ(made.composition, 40);
  EXPECT_DOUBLE_EQ(made.forgetting, -10) << "both rose: zero-shot by 10, retrieval by 20";
  EXPECT_DOUBLE_EQ(made.certain, std::max(-made.kinds[1].change.interval.high, -made.kinds[2].change.interval.high));
  EXPECT_LT(made.certain, made.forgetting);
  ASSERT_EQ(made.kinds.size(), 3u);
  EXPECT_EQ(made.kinds[2].name, "retrieval");
  EXPECT_DOUBLE_EQ(made.kinds[2].score, 70);
  EXPECT_DOUBLE_EQ(made.kinds[2].change.value, 20);
  EXPECT_EQ(made.tasks.size(), 4u);
  made = make_point(8, before, outcomes(kAll, kAll, kFour, kFour));
  EXPECT_DOUBLE_EQ(made.forgetting, 10) << "a rise of zero-shot does not make up for retrieval";
  made = make_point(0, before, before);
  EXPECT_DOUBLE_EQ(made.forgetting, 0);
}

TEST(GuardRules, AModelWithoutNumbersHasEverythingWrong) {
  const Outcomes before = outcomes(kFive, kFive, kSix, kSix);
  const ProbePoint made = make_point(3, before, all_wrong(before));
  EXPECT_DOUBLE_EQ(made.composition, 0);
  EXPECT_DOUBLE_EQ(made.forgetting, 60);
}

TEST(GuardRules, OutcomesAreTheFlagsByPool) {
  TaskResult result;
  result.label = "t";
  result.kind = TaskKind::kRetrieval;
  result.rules = {Rule::kMean};
  result.outcomes = {{{"i2t"}, "a", {}, true}, {{"t2i"}, "0", {}, false}, {{"i2t"}, "b", {}, true}, {{"t2i"}, "1", {}, true}};
  const Outcomes made = outcomes_of({"m", {result}, {}});
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].correct, (std::vector<std::string>{"11", "01"}));
  EXPECT_EQ(made[0].kind, TaskKind::kRetrieval);
  EXPECT_TRUE(made[0].one_in.empty()) << "both count alike";
}

TEST(GuardRules, NestedMeansWeighTheirPools) {
  // The mean of a (the mean of x and y) and b: x and y make a quarter each, b a half.
  const auto outcomes_with = [](bool x, bool y, bool b) {
    TaskResult result;
    result.rules = {Rule::kMean, Rule::kMean};
    result.outcomes = {{{"a", "x"}, "0", {}, x}, {{"a", "y"}, "1", {}, y}, {{"b"}, "2", {}, b}, {{"b"}, "3", {}, b}};
    return outcomes_of({"m", {result}, {}})[0];
  };
  const TaskOutcome before = outcomes_with(false, false, false);
  EXPECT_EQ(before.correct, (std::vector<std::string>{"0", "0", "00"}));
  EXPECT_EQ(before.one_in, (std::vector<double>{4, 4, 2}));
  EXPECT_DOUBLE_EQ(task_change(before, outcomes_with(true, false, false)).change.value, 25);
  EXPECT_DOUBLE_EQ(task_change(before, outcomes_with(false, true, true)).change.value, 75);
}

TEST(GuardRules, Domination) {
  EXPECT_TRUE(dominates(point(1, 60, 1), point(2, 60, 2)));
  EXPECT_TRUE(dominates(point(1, 61, 1), point(2, 60, 1)));
  EXPECT_FALSE(dominates(point(1, 60, 1), point(2, 60, 1))) << "equal points";
  EXPECT_FALSE(dominates(point(1, 61, 2), point(2, 60, 1)));
}

TEST(GuardRules, TheFrontLosesWhatALaterPointDominates) {
  std::vector<ProbePoint> points = {point(0, 50, 0), point(10, 55, 1), point(20, 54, 2), point(30, 60, 4), point(40, 60, 4)};
  EXPECT_EQ(pareto_front(points), (std::vector<size_t>{0, 1, 3})) << "20 is dominated by 10; 40 is no better than 30";
  points.push_back(point(50, 61, 0.5));
  EXPECT_EQ(pareto_front(points), (std::vector<size_t>{0, 5}));
  points[5].abandoned = true;
  EXPECT_EQ(pareto_front(points), (std::vector<size_t>{0, 1, 3})) << "what a rollback gave up does not count";
}

TEST(GuardRules, TheBestWithinTheLimit) {
  std::vector<ProbePoint> points = {point(0, 50, 0),     point(10, 55, 1),   point(20, 57, 2),
                                    point(30, 60, 2.01), point(40, 57, 1.5), point(50, 58, 0, true)};
  for (const auto decide : {GuardDecide::kInterval, GuardDecide::kPoint}) {
    EXPECT_EQ(best_within(points, {2, decide}), 4u) << "20 and 40 tie in composition, 40 forgets less";
    EXPECT_EQ(best_within(points, {0.5, decide}), 0u);
    EXPECT_EQ(best_within(points, {3, decide}), 3u);
  }
  points[3].certain = 1.99;
  EXPECT_EQ(best_within(points, {2, GuardDecide::kInterval}), 3u) << "not judged beyond the limit, so within it";
  EXPECT_EQ(best_within(points, {2, GuardDecide::kPoint}), 4u);
}

TEST(GuardRules, TheLimitIsHeldAgainstWhatDecides) {
  // Zero-shot 5 of 10 lost, 4 gained: -10, but hardly anything is certain. Retrieval loses 8 of 10 twice.
  const Outcomes before = outcomes(kFive, kFive, kAll, kAll);
  const ProbePoint made = make_point(1, before, outcomes(kFive, "0000011110", "1100000000", "1100000000"));
  const Change &zeroshot = made.kinds.at(1).change, &retrieval = made.kinds.at(2).change;
  ASSERT_DOUBLE_EQ(zeroshot.value, -10);
  ASSERT_GT(zeroshot.interval.high, 0);
  ASSERT_DOUBLE_EQ(retrieval.value, -80);
  ASSERT_NEAR(
      retrieval.interval.high,
      -80 + std::sqrt(2 * 0.25 * std::pow(80 + 100 * (-8.0 / 12 + 1.959964 * std::sqrt((10.0 / 12 - 64.0 / 144) / 12)), 2)),
      1e-4);
  const DropLimit by_interval{5, GuardDecide::kInterval}, by_point{5, GuardDecide::kPoint};
  EXPECT_FALSE(by_interval.broken_by(zeroshot));
  EXPECT_TRUE(by_point.broken_by(zeroshot));
  EXPECT_TRUE(by_interval.broken_by(retrieval));
  EXPECT_TRUE(by_interval.broken_by(made)) << "one kind is enough";
  EXPECT_FALSE((DropLimit{made.certain, GuardDecide::kInterval}.broken_by(made))) << "exactly the limit is within";
  EXPECT_TRUE((DropLimit{made.certain, GuardDecide::kPoint}.broken_by(made)));
  const ProbePoint start = make_point(0, before, before);
  EXPECT_FALSE((DropLimit{0, GuardDecide::kInterval}.broken_by(start)));
  EXPECT_FALSE((DropLimit{0, GuardDecide::kPoint}.broken_by(start)));
}

TEST(GuardRules, ThinningKeepsTheBestTheEndsAndThenTheSpread) {
  const std::vector<ProbePoint> points = {point(0, 50, 0), point(1, 51, 1), point(2, 51.5, 1.2), point(3, 55, 4),
                                          point(4, 60, 9)};
  const std::vector<size_t> front = {0, 1, 2, 3, 4};
  EXPECT_EQ(thin_front(points, front, 0, 2), front);
  // Room of 1: 1.2 + 1.5 = 2.7; of 2: 3 + 4 = 7; of 3: 7.8 + 8.5.
  EXPECT_EQ(thin_front(points, front, 4, 2), (std::vector<size_t>{0, 2, 3, 4}));
  EXPECT_EQ(thin_front(points, front, 4, 1), (std::vector<size_t>{0, 1, 3, 4})) << "the best stays, its neighbour goes";
  EXPECT_EQ(thin_front(points, front, 3, 2), (std::vector<size_t>{0, 2, 4}));
  EXPECT_EQ(thin_front(points, front, 1, 2), (std::vector<size_t>{2}));
}

TEST(GuardRules, TheLargestAlphaWithinTheLimit) {
  std::vector<double> asked;
  const auto largest = [&](int64_t n, double limit) {
    asked.clear();
    return largest_alpha(n, [&](double alpha) {
      asked.push_back(alpha);
      return 10 * alpha * alpha <= limit;
    });
  };
  EXPECT_DOUBLE_EQ(largest(10, 3.6), 0.6);
  EXPECT_EQ(asked, (std::vector<double>{1, 0.9, 0.8, 0.7, 0.6}));
  EXPECT_DOUBLE_EQ(largest(4, 0.1), 0);
  EXPECT_EQ(asked, (std::vector<double>{1, 0.75, 0.5, 0.25, 0})) << "0 is looked at too";
  EXPECT_DOUBLE_EQ(largest(4, -1), 0) << "and taken when it fails like the others";
  EXPECT_EQ(asked.back(), 0);
  EXPECT_DOUBLE_EQ(largest(4, 10), 1);
  EXPECT_EQ(asked, (std::vector<double>{1}));
}

TEST(GuardRules, TheIntervalIsStretchedToTheBudget) {
  EXPECT_EQ(stretched_interval(100, 0.05, 4, 1), 100) << "4 steps' work in 100 steps are 4%";
  EXPECT_EQ(stretched_interval(100, 0.05, 5, 1), 100) << "exactly the budget";
  EXPECT_EQ(stretched_interval(100, 0.05, 5.1, 1), 200);
  EXPECT_EQ(stretched_interval(10, 0.05, 4, 1), 80);
  EXPECT_EQ(stretched_interval(10, 0, 4, 1), 10) << "no bound";
}

}  // namespace
}  // namespace fsc
