// What the guard says it sees, against simulated probes that go the whole way from answers to decision.
#include "train/guard/detail_guard_sight.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace fsc {
namespace {
using namespace detail;

/// Answers by category, by task: all of one kind.
using Sizes = std::vector<std::vector<size_t>>;

/// Probes of tasks of these sizes, each an independent draw in which 10% of the answers change sides and `drop` points more are
/// lost. Drawing both sides anew makes a probe vary more than one over the same items would.
class Simulation {
 public:
  Simulation(Sizes sizes, TaskKind kind, double drop)
      : sizes_(std::move(sizes)), kind_(kind), up_(0.05), down_(0.05 + drop / 100) {}

  ProbePoint probe() {
    Outcomes before, now;
    for (size_t t = 0; t < sizes_.size(); ++t) {
      before.push_back({"task" + std::to_string(t), kind_, 50, {}});
      for (const size_t answers : sizes_[t]) before.back().correct.push_back(std::string(answers, '1'));
      now.push_back(before.back());
      for (size_t c = 0; c < sizes_[t].size(); ++c) draw(before.back().correct[c], now.back().correct[c]);
    }
    return make_point(1, before, now);
  }
  int64_t broken(int64_t probes, const DropLimit& limit) {
    int64_t count = 0;
    for (int64_t i = 0; i < probes; ++i) count += limit.broken_by(probe());
    return count;
  }
  /// The share of `runs` runs in which one of three probes breaks the limit.
  double found(int64_t runs, const DropLimit& limit) {
    int64_t count = 0;
    for (int64_t i = 0; i < runs; ++i) {
      bool acted = false;
      for (int64_t p = 0; p < 3 && !acted; ++p) acted = limit.broken_by(probe());
      count += acted;
    }
    return static_cast<double>(count) / static_cast<double>(runs);
  }

 private:
  void draw(std::string& before, std::string& now) {
    for (size_t i = 0; i < now.size(); ++i) {
      const double at = static_cast<double>(bits_() >> 11) * 0x1p-53;
      if (at < up_)
        before[i] = '0';
      else if (at < up_ + down_)
        now[i] = '0';
    }
  }
  Sizes sizes_;
  TaskKind kind_;
  double up_, down_;
  std::mt19937_64 bits_{20241112};
};

constexpr DropLimit kByInterval{2, GuardDecide::kInterval}, kByPoint{2, GuardDecide::kPoint};

Outcomes start_of(const Sizes& sizes, TaskKind kind) {
  Outcomes start;
  for (size_t t = 0; t < sizes.size(); ++t) {
    start.push_back({"task" + std::to_string(t), kind, 100, {}});
    for (const size_t answers : sizes[t]) start.back().correct.push_back(std::string(answers, '1'));
  }
  return start;
}

double answers_of(const Sizes& sizes) {
  double all = 0;
  for (const auto& task : sizes) all = std::accumulate(task.begin(), task.end(), all);
  return all;
}

/// Grown to what was named: the tasks that guard.items 200 has cut, or all.
Sizes as_named(Sizes sizes, const Sight& sight, double part = 1) {
  const double times = part * (sight.items_named ? static_cast<double>(sight.items_named) / 200
                                                 : static_cast<double>(sight.answers_named) / answers_of(sizes));
  for (auto& task : sizes) {
    if (sight.items_named && task[0] != 200) continue;
    for (auto& answers : task) answers = static_cast<size_t>(std::lround(times * static_cast<double>(answers)));
  }
  return sizes;
}

/// With guard.items 200: one zero-shot task; two, of which only one can grow; photos with five captions each; many small
/// categories.
const std::vector<std::pair<Sizes, TaskKind>>& layouts() {
  static const std::vector<std::pair<Sizes, TaskKind>> all = {{{{200}}, TaskKind::kZeroShot},
                                                              {{{200}, {900}}, TaskKind::kZeroShot},
                                                              {{{200, 1000}}, TaskKind::kRetrieval},
                                                              {{std::vector<size_t>(16, 25)}, TaskKind::kZeroShot}};
  return all;
}

TEST(GuardSight, AModelThatDoesNotChangeRaisesNoAlarm) {
  for (const auto& [sizes, kind] : layouts()) {
    EXPECT_LE(Simulation(sizes, kind, 0).broken(1000, kByInterval), 25) << answers_of(sizes);
    EXPECT_LE(Simulation(sizes, kind, 0).broken(1000, {0, GuardDecide::kInterval}), 25)
        << answers_of(sizes) << ", even without a margin";
  }
  EXPECT_LE(Simulation({{static_cast<size_t>(GuardConfig().items)}}, TaskKind::kZeroShot, 0).broken(1000, kByInterval), 25);
  EXPECT_GT(Simulation({{200}}, TaskKind::kZeroShot, 0).broken(1000, kByPoint), 100) << "the measured drop alone does";
}

TEST(GuardSight, ADropOfExactlyTheLimitRaisesNoAlarmEither) {
  for (const auto& [sizes, kind] : layouts())
    EXPECT_LE(Simulation(sizes, kind, 2).broken(1000, kByInterval), 25) << answers_of(sizes);
}

TEST(GuardSight, WhatItNamesFindsTwiceTheLimitWithinThreeProbes) {
  for (const auto& [sizes, kind] : layouts()) {
    const Sight sight = sight_of(start_of(sizes, kind), kind, kByInterval, 200);
    EXPECT_FALSE(sight.enough) << sight.text;
    ASSERT_GT(sight.items_named + sight.answers_named, 0) << sight.text;
    EXPECT_GE(Simulation(as_named(sizes, sight), kind, 4).found(1000, kByInterval), 0.95) << sight.text;
    EXPECT_LT(Simulation(as_named(sizes, sight, 0.75), kind, 4).found(1000, kByInterval), 0.95)
        << "a number that is not needed: " << sight.text;
    EXPECT_TRUE(sight_of(start_of(as_named(sizes, sight), kind), kind, kByInterval, 200).enough);
  }
}

TEST(GuardSight, TheDefaultItemsOfOneTaskSeeTheDefaultLimit) {
  const GuardConfig config;
  const Sizes sizes = {{static_cast<size_t>(config.items)}};
  const DropLimit limit{config.max_drop, config.decide};
  const Sight sight = sight_of(start_of(sizes, TaskKind::kZeroShot), TaskKind::kZeroShot, limit, config.items);
  EXPECT_TRUE(sight.enough) << sight.text;
  EXPECT_EQ(sight.items_named + sight.answers_named, 0);
  EXPECT_GE(Simulation(sizes, TaskKind::kZeroShot, 2 * config.max_drop).found(1000, limit), 0.95);
}

TEST(GuardSight, TheSmallestDropThatItNamesIsFound) {
  for (const auto& [sizes, kind] : layouts()) {
    const double drop = smallest_drop_seen(score_parts(start_of(sizes, kind), kind, 200), kByInterval);
    EXPECT_GE(Simulation(sizes, kind, drop).found(1000, kByInterval), 0.95) << drop;
    EXPECT_LT(Simulation(sizes, kind, 0.8 * drop).found(1000, kByInterval), 0.95) << drop;
  }
}

TEST(GuardSight, ChancesAreThoseOfTheSimulation) {
  const std::vector<ScorePart> parts = {{1, 1000}};
  for (const double drop : {3.0, 5.0})
    EXPECT_NEAR(chance_of_breaking(parts, drop, kByInterval),
                static_cast<double>(Simulation({{1000}}, TaskKind::kZeroShot, drop).broken(2000, kByInterval)) / 2000, 0.03);
  EXPECT_NEAR(chance_of_breaking(parts, 0, {1, GuardDecide::kPoint}),
              static_cast<double>(Simulation({{1000}}, TaskKind::kZeroShot, 0).broken(2000, {1, GuardDecide::kPoint})) / 2000,
              0.03);
}

TEST(GuardSight, PartsWeighAsInTheMeanOfTheKind) {
  Outcomes outcomes = start_of({{10, 30}, {50}}, TaskKind::kRetrieval);
  outcomes.push_back(start_of({{7}}, TaskKind::kComposition)[0]);
  const auto parts = score_parts(outcomes, TaskKind::kRetrieval, 10);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].weight, 0.25);
  EXPECT_EQ(parts[1].answers, 30);
  EXPECT_EQ(parts[2].weight, 0.5);
  EXPECT_TRUE(parts[0].cut && parts[1].cut) << "ten images with three captions each";
  EXPECT_FALSE(parts[2].cut);
  EXPECT_TRUE(score_parts(outcomes, TaskKind::kZeroShot, 10).empty());
}

TEST(GuardSight, SaysWhatMoreItemsWouldDo) {
  const auto text = [](const Sizes& sizes, const DropLimit& limit, int64_t items) {
    return sight_of(start_of(sizes, TaskKind::kZeroShot), TaskKind::kZeroShot, limit, items).text;
  };
  const auto has = [](const std::string& all, const std::string& part) { return all.find(part) != std::string::npos; };
  EXPECT_TRUE(has(text({{200}}, kByInterval, 200), "4 points, twice guard.max_drop, take guard.items 2000"))
      << text({{200}}, kByInterval, 200);
  EXPECT_TRUE(has(text({{200}}, kByInterval, 500), "take 2000 answers, more than the suite has"))
      << text({{200}}, kByInterval, 500);
  EXPECT_TRUE(has(text({{200}}, kByPoint, 200), "of the probes break the limit with no drop at all"))
      << text({{200}}, kByPoint, 200);
  EXPECT_FALSE(has(text({{5000}}, kByInterval, 5000), "twice guard.max_drop")) << text({{5000}}, kByInterval, 5000);
}

TEST(GuardSight, WhatIsNotThereCannotBeSeenToBeLost) {
  Outcomes start = start_of({{200}}, TaskKind::kZeroShot);
  start[0].score = 6;
  const Sight sight = sight_of(start, TaskKind::kZeroShot, kByInterval, 200);
  EXPECT_FALSE(sight.enough);
  EXPECT_NE(sight.text.find("all of its 6.0 points may go unseen"), std::string::npos) << sight.text;
  EXPECT_EQ(sight.items_named, 2000) << "4 of the 6 could be seen";
  start[0].score = 3;
  EXPECT_EQ(sight_of(start, TaskKind::kZeroShot, kByInterval, 200).items_named, 0);
}

TEST(GuardSight, NumbersAreRoundedUp) {
  EXPECT_EQ(rounded_up(1.2), 2);
  EXPECT_EQ(rounded_up(99), 99);
  EXPECT_EQ(rounded_up(101), 110);
  EXPECT_EQ(rounded_up(1938.4), 2000);
  EXPECT_EQ(rounded_up(2000), 2000);
}

}  // namespace
}  // namespace fsc
