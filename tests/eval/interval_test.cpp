// Intervals against published values and their defining equation.
#include "fsc/eval/interval.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fsc {
namespace {

TEST(Wilson, SolvesItsQuadratic) {
  const double z = 1.959963984540054;
  for (const Count count : {Count{7, 10}, Count{1, 3}, Count{500, 1652}}) {
    const Interval interval = wilson_interval(count);
    const double n = static_cast<double>(count.items), p = static_cast<double>(count.hits) / n;
    for (const double bound : {interval.low / 100, interval.high / 100})
      EXPECT_NEAR((p - bound) * (p - bound), z * z * bound * (1 - bound) / n, 1e-12);
    EXPECT_LT(interval.low, count.percent());
    EXPECT_GT(interval.high, count.percent());
  }
}

TEST(Wilson, KnownValueAndEdges) {
  EXPECT_NEAR(wilson_interval({81, 263}).low, 25.5, 0.05);  // Newcombe 1998, table I
  EXPECT_NEAR(wilson_interval({81, 263}).high, 36.6, 0.05);
  EXPECT_DOUBLE_EQ(wilson_interval({0, 20}).low, 0);
  EXPECT_NEAR(wilson_interval({0, 20}).high, 16.11, 0.01);
  EXPECT_NEAR(wilson_interval({20, 20}).low, 83.89, 0.01);
  EXPECT_NEAR(wilson_interval({20, 20}).high, 100, 1e-9);
  EXPECT_DOUBLE_EQ(wilson_interval({0, 0}).low, 0);
  EXPECT_DOUBLE_EQ(wilson_interval({0, 0}).high, 100);
}

Estimate accuracy(const Count& count) { return {count.percent(), wilson_interval(count)}; }

TEST(MeanInterval, OnePartKeepsItsOwn) {
  const Interval a = mean_interval({accuracy({30, 40})}), b = wilson_interval({30, 40});
  EXPECT_NEAR(a.low, b.low, 1e-9);
  EXPECT_NEAR(a.high, b.high, 1e-9);
}

TEST(MeanInterval, EqualPartsShrinkBySquareRoot) {
  const Interval one = wilson_interval({50, 100}), four = mean_interval(std::vector<Estimate>(4, accuracy({50, 100})));
  EXPECT_NEAR(50 - four.low, (50 - one.low) / 2, 1e-9);
  EXPECT_NEAR(four.high - 50, (one.high - 50) / 2, 1e-9);
  const Interval perfect = mean_interval({accuracy({10, 10}), accuracy({10, 10})});
  EXPECT_LT(perfect.low, 99);
  EXPECT_DOUBLE_EQ(perfect.high, 100);
}

TEST(PairedInterval, ByHand) {
  // 100 items, 10 gained, 4 lost: p = 11/102 and 5/102, centre 6/102, half 1.96 sqrt((16/102 - (6/102)^2) / 102).
  const Interval interval = paired_interval({10, 4, 100});
  EXPECT_NEAR(interval.low, -1.7185, 1e-3);
  EXPECT_NEAR(interval.high, 13.4832, 1e-3);
  const Interval still = paired_interval({0, 0, 100});  // nothing changed: symmetric, not a point
  EXPECT_NEAR(still.high, 2.7174, 1e-3);
  EXPECT_NEAR(still.low, -still.high, 1e-12);
  const Interval mirrored = paired_interval({4, 10, 100});
  EXPECT_NEAR(mirrored.low, -interval.high, 1e-12);
  EXPECT_EQ(paired_interval({}).low, -100);
  EXPECT_EQ(paired_interval({3, 0, 3}).high, 100) << "never beyond what can be";
}

/// The chance that the upper end lies below the truth, summed over all outcomes of `n` items of which `up` gain and `down` lose.
double chance_too_low(int64_t n, double up, double down) {
  const double truth = 100 * (up - down), stay = 1 - up - down;
  double chance = 0;
  for (int64_t g = 0; g <= n; ++g)
    for (int64_t l = 0; g + l <= n; ++l) {
      const auto fact = [](int64_t k) { return std::lgamma(static_cast<double>(k) + 1); };
      if (paired_interval({g, l, n}).high >= truth) continue;
      chance += std::exp(fact(n) - fact(g) - fact(l) - fact(n - g - l) + static_cast<double>(g) * std::log(up) +
                         static_cast<double>(l) * std::log(down) + static_cast<double>(n - g - l) * std::log(stay));
    }
  return chance;
}

TEST(PairedInterval, ItsUpperEndLiesBelowTheTruthInAtMostOneCaseOfForty) {
  for (const int64_t n : {20, 50, 200, 500})
    for (const double changing : {0.03, 0.1, 0.3})
      for (const double drop : {0.0, 0.02})
        EXPECT_LE(chance_too_low(n, (changing - drop) / 2, (changing + drop) / 2), 0.025) << n << " " << changing << " " << drop;
  EXPECT_GT(chance_too_low(500, 0.15, 0.15), 0.023) << "and not in far fewer where there are enough";
}

TEST(PairedInterval, ExpectedCountsMayBeFractions) {
  EXPECT_EQ(paired_interval(10.0, 4.0, 100.0).high, paired_interval({10, 4, 100}).high);
  const double between = paired_interval(10.5, 4, 100).high;
  EXPECT_GT(between, paired_interval({10, 4, 100}).high);
  EXPECT_LT(between, paired_interval({11, 4, 100}).high);
}

TEST(SumOfChanges, OnePartIsItsOwnAndEqualHalvesShrink) {
  const PairedCount count{10, 4, 100};
  const Change one = sum_of_changes({{1, count}});
  EXPECT_DOUBLE_EQ(one.value, 6);
  EXPECT_NEAR(one.interval.low, paired_interval(count).low, 1e-12);
  EXPECT_NEAR(one.interval.high, paired_interval(count).high, 1e-12);
  const Change mean = sum_of_changes({{0.5, count}, {0.5, count}});
  EXPECT_DOUBLE_EQ(mean.value, 6);
  EXPECT_NEAR(6 - mean.interval.low, (6 - one.interval.low) / std::sqrt(2.0), 1e-12);
  EXPECT_NEAR(mean.interval.high - 6, (one.interval.high - 6) / std::sqrt(2.0), 1e-12);
}

}  // namespace
}  // namespace fsc
