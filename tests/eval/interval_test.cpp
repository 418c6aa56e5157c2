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

TEST(MeanInterval, OnePartIsWilson) {
  const Interval a = mean_interval({{30, 40}}), b = wilson_interval({30, 40});
  EXPECT_NEAR(a.low, b.low, 1e-9);
  EXPECT_NEAR(a.high, b.high, 1e-9);
}

TEST(MeanInterval, EqualPartsShrinkBySquareRoot) {
  const Interval one = wilson_interval({50, 100}), four = mean_interval({{50, 100}, {50, 100}, {50, 100}, {50, 100}});
  EXPECT_NEAR(50 - four.low, (50 - one.low) / 2, 1e-9);
  EXPECT_NEAR(four.high - 50, (one.high - 50) / 2, 1e-9);
  const Interval perfect = mean_interval({{10, 10}, {10, 10}});
  EXPECT_LT(perfect.low, 99);
  EXPECT_DOUBLE_EQ(perfect.high, 100);
}

}  // namespace
}  // namespace fsc
