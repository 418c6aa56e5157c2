// The generator's published values, the independence of its streams, and the laws of its draws.
#include "fsc/core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace fsc {
namespace {

TEST(Rng, FinaliserGivesSplitMix64) {
  // The first two outputs of SplitMix64 with seed 0.
  EXPECT_EQ(mix64(0x9E3779B97F4A7C15ULL), 0xE220A8397B1DCDAFULL);
  EXPECT_EQ(mix64(2 * 0x9E3779B97F4A7C15ULL), 0x6E789E6AA1B965F4ULL);
  EXPECT_EQ(mix64(0), 0u);
}

TEST(Rng, ValuesAreFixedForEver) {
  // From an independent xoshiro256** that gives 11520, 0, 1509978240, ... for the state 1, 2, 3, 4. A change breaks every resume.
  const auto expect = [](Rng rng, std::initializer_list<uint64_t> values) {
    for (const uint64_t value : values) EXPECT_EQ(rng.next(), value);
  };
  expect(Rng({}), {0xa3b6d438b065bf56, 0x7c7ba2e8e146b2a3, 0x464d4d3e92da7375, 0x123632fc227497a5});
  expect(Rng({0}), {0x9416f05787c041bb, 0xc748df25b65469c6, 0x618166a71b4bd530, 0xb00335d665a0def0});
  expect(Rng({~uint64_t{0}}), {0x6ea86134305817de, 0x4f128df6dbcc6ecf, 0x34fbcebaf637d6dc, 0xe965e9994d7000bd});
  expect(Rng::of(7, 2, 3, Stream::kShuffle), {0xeb5c1f3258a4b432, 0x184713af0f85db3f, 0x291a851b9fde17b8, 0x255df541257755ca});
}

TEST(Rng, DrawsAreFixedForEver) {
  Rng rng = Rng::of(7, 2, 3, Stream::kShuffle);
  EXPECT_EQ(rng.uniform(), 0.9193744180598908);
  EXPECT_EQ(rng.uniform(), 0.0948345472711688);
  std::vector<int> order(10);
  std::iota(order.begin(), order.end(), 0);
  Rng({3}).shuffle(order);
  EXPECT_EQ(order, (std::vector<int>{3, 0, 8, 1, 6, 4, 5, 9, 2, 7}));
}

TEST(Rng, StreamIdsAreNeverRenumbered) {
  EXPECT_EQ(static_cast<uint64_t>(Stream::kShuffle), 1u);
  EXPECT_EQ(static_cast<uint64_t>(Stream::kAugment), 2u);
  EXPECT_EQ(static_cast<uint64_t>(Stream::kNegatives), 3u);
  EXPECT_EQ(static_cast<uint64_t>(Stream::kSynth), 4u);
  EXPECT_EQ(static_cast<uint64_t>(Stream::kInit), 5u);
  EXPECT_EQ(static_cast<uint64_t>(Stream::kCaption), 6u);
}

TEST(Rng, EveryPartOfTheKeyChangesTheStream) {
  std::set<uint64_t> firsts;
  int count = 0;
  for (uint64_t seed = 0; seed < 6; ++seed)
    for (uint64_t epoch = 0; epoch < 6; ++epoch)
      for (uint64_t index = 0; index < 6; ++index)
        for (const Stream purpose : {Stream::kShuffle, Stream::kAugment, Stream::kNegatives})
          firsts.insert(Rng::of(seed, epoch, index, purpose).next()), ++count;
  EXPECT_EQ(firsts.size(), static_cast<size_t>(count));
  EXPECT_NE(Rng({1, 2}).next(), Rng({2, 1}).next());
  EXPECT_NE(Rng({1}).next(), Rng({1, 0}).next());
}

TEST(Rng, NeighbouringStreamsDoNotCorrelate) {
  // Pearson correlation of 20,000 pairs has a deviation of 0.007.
  constexpr int n = 20000;
  double xy = 0, x2 = 0, y2 = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const double x = Rng::of(1, 0, i, Stream::kAugment).uniform() - 0.5,
                 y = Rng::of(1, 0, i + 1, Stream::kAugment).uniform() - 0.5;
    xy += x * y, x2 += x * x, y2 += y * y;
  }
  EXPECT_LT(std::abs(xy / std::sqrt(x2 * y2)), 0.03);
  EXPECT_NEAR(x2 / n, 1.0 / 12, 0.002) << "first draws of many streams are uniform as well";
}

TEST(Rng, UniformStaysInItsBounds) {
  Rng rng({1});
  double low = 1, high = 0, sum = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = rng.uniform();
    low = std::min(low, x), high = std::max(high, x), sum += x;
  }
  EXPECT_GE(low, 0.0);
  EXPECT_LT(high, 1.0);
  EXPECT_LT(low, 1e-3);
  EXPECT_GT(high, 1 - 1e-3);
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
  for (int i = 0; i < 1000; ++i) {
    const double x = rng.uniform(-3, 2);
    EXPECT_GE(x, -3);
    EXPECT_LT(x, 2);
  }
}

TEST(Rng, BelowIsUniform) {
  Rng rng({2});
  EXPECT_EQ(rng.below(1), 0u);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[rng.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  // With 3 * 2^62 values a plain modulo would give the low third twice as often.
  const uint64_t wide = uint64_t{3} << 62;
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += rng.below(wide) < wide / 3;
  EXPECT_NEAR(low, 10000, 500);
}

TEST(Rng, ChanceAndNormal) {
  Rng rng({4});
  int hits = 0;
  double sum = 0, squares = 0;
  for (int i = 0; i < 50000; ++i) {
    EXPECT_FALSE(rng.chance(0.0));
    EXPECT_TRUE(rng.chance(1.0));
    hits += rng.chance(0.3);
    const double x = rng.normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x, squares += x * x;
  }
  EXPECT_NEAR(hits, 15000, 500);
  EXPECT_NEAR(sum / 50000, 0.0, 0.03);
  EXPECT_NEAR(squares / 50000, 1.0, 0.04);
}

TEST(Rng, ShuffleGivesEveryOrderEquallyOften) {
  Rng rng({5});
  std::map<std::vector<int>, int> counts;
  for (int i = 0; i < 24000; ++i) {
    std::vector<int> order = {0, 1, 2, 3};
    rng.shuffle(order);
    ++counts[order];
  }
  EXPECT_EQ(counts.size(), 24u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 160);
  std::vector<int> none, one = {9};
  rng.shuffle(none);
  rng.shuffle(one);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(one, std::vector<int>{9});
}

TEST(Rng, CopiesGoOnAlike) {
  Rng rng({6});
  rng.next();
  Rng copy = rng;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(rng.next(), copy.next());
}

}  // namespace
}  // namespace fsc
