// Ranks that die, stop or stay away: the others name them and end.
#include "dist/ranks.h"

namespace fsc::test {
namespace {

/// Exchanges without end; what is wrong is said by the test that every body runs in.
RANK_BODY(ExchangesForEver) {
  const auto world = world_of_body();
  const torch::Tensor flat = torch::ones({120'000});
  const bool parts = variable_or("FSC_TEST_PARTS", "no") == "yes";
  for (int64_t step = 0;; ++step) {
    (parts ? world->reduce_to_parts(flat) : world->all_reduce(flat))->wait();
    flat.fill_(1);
    world->channel().all_gather("step");
    if (step == 2) std::printf("goes on\n"), std::fflush(stdout);
    if (step == 3 && world->rank() == std::stoll(variable_or("FSC_TEST_SLEEPER", "-1")))
      std::this_thread::sleep_for(std::chrono::seconds(20));
  }
}

Ranks running(int count, const Variables& more = {}) {
  auto ranks = start_ranks("ExchangesForEver", count, more);
  for (auto& rank : ranks) rank->expect_says("goes on");
  return ranks;
}

/// The other rank comes late, but within the patience of this one exchange, then not within that of the next.
RANK_BODY(WaitsForOneThatWrites) {
  const auto world = world_of_body();
  const auto late = [&](int64_t rank) {
    if (world->rank() == rank) std::this_thread::sleep_for(std::chrono::milliseconds(900));
  };
  late(0);
  world->channel().all_gather("written", 10);
  std::printf("was written\n"), std::fflush(stdout);
  late(1);
  world->channel().all_gather("together", world->rank() == 0 ? 0 : 10);
}

TEST(LostRank, PatienceIsOfOneExchange) {
  auto ranks = start_ranks("WaitsForOneThatWrites", 2, {{"FSC_TEST_TIMEOUT", "0.4"}});
  ranks[0]->expect_ends(1, {"was written", "lost: rank 1 (", "lives but did not come"});
  ranks[1]->expect_says("was written");
}

/// What LibTorch says to stderr is not for users.
void expect_no_trace(const RankProcess& rank) {
  for (const char* raw : {"frame #", "Exception raised", "c10d", "GLHF", "/__w/"})
    EXPECT_EQ(rank.output().find(raw), std::string::npos) << rank.output();
}

TEST(LostRank, KilledOneIsNamed) {
  auto ranks = running(3);
  ranks[1]->send(SIGKILL);
  for (const size_t other : {0, 2})
    ranks[other]->expect_ends(1, {"lost: rank 1 (", "does not answer"}, 6), expect_no_trace(*ranks[other]);
}

TEST(LostRank, KilledStoreIsNamed) {
  auto ranks = running(3);
  ranks[0]->send(SIGKILL);
  for (const size_t other : {1, 2})
    ranks[other]->expect_ends(1, {"lost: rank 0 (", "does not answer"}, 6), expect_no_trace(*ranks[other]);
}

TEST(LostRank, StoppedOneIsNamed) {
  auto ranks = running(3, {{"FSC_TEST_TIMEOUT", "0.7"}});
  ranks[2]->send(SIGSTOP);
  for (const size_t other : {0, 1}) ranks[other]->expect_ends(1, {"lost: rank 2 (", "does not answer"}, 10);
}

TEST(LostRank, StoppedStoreIsNamed) {
  auto ranks = running(2, {{"FSC_TEST_TIMEOUT", "0.5"}});
  ranks[0]->send(SIGSTOP);
  ranks[1]->expect_ends(1, {"lost: rank 0 (", "does not answer"}, 12);
}

TEST(LostRank, OneThatLivesButDoesNotComeIsNamed) {
  for (const char* parts : {"no", "yes"}) {
    auto ranks = running(2, {{"FSC_TEST_TIMEOUT", "1"}, {"FSC_TEST_SLEEPER", "1"}, {"FSC_TEST_PARTS", parts}});
    ranks[0]->expect_ends(1, {"lost: rank 1 (", "lives but did not come", "distributed.timeout is 1 s"}, 10);
  }
}

}  // namespace
}  // namespace fsc::test
