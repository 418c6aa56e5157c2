// Starts that cannot come to anything: who is missing, there twice, or not to be found.
#include "dist/ranks.h"

namespace fsc::test {
namespace {

RANK_BODY(OnlyMeets) {
  const auto world = world_of_body();
  std::printf("met %zu at port %ld\n", world->hosts().size(), static_cast<long>(world->layout().port));
  world->channel().all_gather("");
}

TEST(OpenWorld, NamesTheMissingRanks) {
  const Variables quick = {{"FSC_TEST_SETUP", "1"}};
  const int port = free_port();
  RankProcess first("OnlyMeets", rank_variables(0, 4, port, quick)), third("OnlyMeets", rank_variables(2, 4, port, quick));
  for (auto* rank : {&first, &third}) rank->expect_ends(1, {"2 of 4 ranks are missing: ranks 1, 3", "127.0.0.1 port"});
}

TEST(OpenWorld, SaysThatRankZeroIsNotThere) {
  RankProcess second("OnlyMeets", rank_variables(1, 2, free_port(), {{"FSC_TEST_SETUP", "0.5"}}));
  second.expect_ends(1, {"rank 1 cannot find rank 0 within 0.5 s", "Connection refused"});
}

TEST(OpenWorld, NamesARankThatIsThereTwice) {
  const int port = free_port();
  RankProcess first("OnlyMeets", rank_variables(0, 3, port)), second("OnlyMeets", rank_variables(1, 3, port)),
      again("OnlyMeets", rank_variables(1, 3, port));
  for (auto* rank : {&first, &second, &again}) rank->expect_ends(1, {"two processes say that they are rank 1 of 3"});
}

TEST(OpenWorld, NamesASecondRankZero) {
  const Variables quick = {{"FSC_TEST_SETUP", "1.5"}};
  const int port = free_port();
  RankProcess first("OnlyMeets", rank_variables(0, 2, port, quick)), again("OnlyMeets", rank_variables(0, 2, port, quick));
  first.wait(), again.wait();
  const std::string both = first.output() + again.output();
  EXPECT_NE(both.find("cannot listen at port"), std::string::npos) << both;
  EXPECT_NE(both.find("second rank 0"), std::string::npos) << both;
}

TEST(OpenWorld, NamesAPortThatAnotherProgramHas) {
  const Listener other;
  const Variables quick = {{"FSC_TEST_SETUP", "1"}};
  RankProcess first("OnlyMeets", rank_variables(0, 2, other.port(), quick)),
      second("OnlyMeets", rank_variables(1, 2, other.port(), quick));
  first.expect_ends(1, {"cannot listen at port " + std::to_string(other.port()), "Address already in use"});
  second.expect_ends(1, {"cannot find rank 0", "another program is there"});
}

/// A step of the job whose port is `port`, of two tasks.
void start_step(Ranks& ranks, int port, int step) {
  for (int rank = 0; rank < 2; ++rank) {
    ranks.push_back(std::make_unique<RankProcess>("OnlyMeets", Variables{{"SLURM_PROCID", std::to_string(rank)},
                                                                         {"SLURM_STEP_NUM_TASKS", "2"},
                                                                         {"SLURM_STEP_ID", std::to_string(step)},
                                                                         {"SLURM_LOCALID", std::to_string(rank)},
                                                                         {"SLURM_STEP_NODELIST", "localhost"},
                                                                         {"SLURM_JOB_ID", std::to_string(port - 20000)},
                                                                         {"SLURMD_NODENAME", "node0" + std::to_string(rank)}}));
  }
}

TEST(OpenWorld, TakesTheNextPortWhereItIsOursToChoose) {
  const int port = 20000 + ::getpid() % 9000;
  const Listener other(port);  // or somebody else has it: all the same
  Ranks ranks;
  start_step(ranks, port, 0);
  for (auto& rank : ranks) rank->expect_ends(0, {"met 2"});
}

TEST(OpenWorld, StepsOfOneJobAtOneTimeAreRunsOfTheirOwn) {
  Ranks ranks;
  for (const int step : {0, 1}) start_step(ranks, 20000 + (::getpid() + 500) % 9000, step);
  for (auto& rank : ranks) rank->expect_ends(0, {"met 2"});
}

TEST(OpenWorld, TellsRunsApart) {
  const int port = free_port();
  const Variables quick = {{"FSC_TEST_SETUP", "1"}};
  RankProcess first("OnlyMeets", rank_variables(0, 2, port, quick)), second("OnlyMeets", rank_variables(1, 3, port, quick));
  first.expect_ends(1, {"1 of 2 ranks is missing: rank 1"});
  second.expect_ends(1, {"rank 0 of another run is there", "2 ranks", "here job -, attempt 0, 3 ranks"});
}

TEST(OpenWorld, NamesAnAddressThatDoesNotResolve) {
  for (int rank = 0; rank < 2; ++rank) {
    RankProcess one("OnlyMeets",
                    rank_variables(rank, 2, free_port(), {{"FSC_TEST_SETUP", "0.5"}, {"MASTER_ADDR", "nosuch.invalid"}}));
    one.expect_ends(1, {"\"nosuch.invalid\" does not resolve", "distributed.address"});
  }
}

TEST(OpenWorld, NamesAnInterfaceThatIsNotThere) {
  for (auto& rank : start_ranks("OnlyMeets", 2, {{"FSC_TEST_SETUP", "2"}, {"FSC_TEST_INTERFACE", "nosuch0"}}))
    rank->expect_ends(1, {"has no network interface nosuch0", "distributed.interface"});
}

TEST(OpenWorld, MeetsOverIpv6AndANamedInterface) {
  if (::system("grep -q lo /proc/net/if_inet6 2>/dev/null") == 0) run_ranks("OnlyMeets", 2, {{"MASTER_ADDR", "::1"}});
  run_ranks("OnlyMeets", 2, {{"FSC_TEST_INTERFACE", "lo"}});
}

}  // namespace
}  // namespace fsc::test
