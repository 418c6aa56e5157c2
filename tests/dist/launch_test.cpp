// Local processes: codes, output, signals, and that nobody stays behind.
#include "fsc/dist/launch.h"

#include "dist/ranks.h"
#include "fsc/core/stop.h"

namespace fsc::test {
namespace {

/// As the launcher: starts itself FSC_TEST_COUNT times. As one of them: does what FSC_TEST_DO says.
RANK_BODY(Launches) {
  install_stop_signals();
  if (!is_local_process()) {
    std::vector<std::string> words = {"fsc_dist_test", "--gtest_filter=RankProcess.*"};
    char* argv[] = {words[0].data(), words[1].data(), nullptr};
    std::fflush(stdout);
    const auto code = run_local_processes(std::stoll(variable_or("FSC_TEST_COUNT", "2")), 2, argv, 0.5);
    std::printf("the run ended with %d\n", static_cast<int>(code));
    std::fflush(stdout);
    std::_Exit(static_cast<int>(code));
  }
  const auto layout = find_layout({}, process_environment());
  const std::string todo = variable_or("FSC_TEST_DO", "");
  const auto say = [](const std::string& line) { std::printf("%s\n", line.c_str()), std::fflush(stdout); };
  if (todo == "meet") {
    const auto world = world_of_body();
    for (const auto& words : world->channel().all_gather("hello from " + std::to_string(layout.local_rank))) say(words);
    std::fprintf(stderr, "unfinished of %ld", static_cast<long>(layout.rank));
    std::fflush(stderr);
    std::_Exit(0);
  }
  say("pid " + std::to_string(::getpid()) + " of " + std::to_string(layout.rank));
  std::shared_ptr<World> world;  // nobody fails before all have said so and hear signals, however slow a start is
  if (todo == "fail" || todo == "crash") world = world_of_body(), world->channel().all_gather("");
  if (todo == "fail" && layout.rank == 1) std::_Exit(7);
  if (todo == "crash" && layout.rank == 1) ::kill(::getpid(), SIGKILL);
  for (int i = 0; i < 200; ++i) {  // the others wait for a signal
    if (stop_requested() && todo != "fail") say(std::string("stops by ") + stop_signal()), std::_Exit(todo == "crash" ? 0 : 75);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

Variables to_do(const std::string& what, int count = 2) {
  return {{"FSC_TEST_DO", what}, {"FSC_TEST_COUNT", std::to_string(count)}};
}

/// The process that said "pid N of RANK".
pid_t pid_of(const std::string& output, int rank) {
  const size_t end = output.find(" of " + std::to_string(rank) + "\n");
  if (end == std::string::npos) return 0;
  return std::stoi(output.substr(output.rfind("pid ", end) + 4));
}

void expect_gone(pid_t pid) {
  ASSERT_GT(pid, 0);
  for (int i = 0; i < 200 && ::kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_NE(::kill(pid, 0), 0) << "process " << pid << " still lives";
}

TEST(LocalProcesses, MeetAndAreTold) {
  RankProcess launcher("Launches", to_do("meet", 3));
  launcher.expect_ends(0, {"\nhello from 0\n", "[1] hello from 0\n", "[1] hello from 1\n", "[1] hello from 2\n",
                           "[2] hello from 2\n", "[1] unfinished of 1\n", "the run ended with 0"});
  EXPECT_EQ(launcher.output().find("[0]"), std::string::npos);
}

TEST(LocalProcesses, FirstFailureEndsAll) {
  RankProcess launcher("Launches", to_do("fail"));  // the other does not listen to SIGTERM and is killed
  launcher.expect_ends(7, {"process 1 ended with code 7", "the run ended with 7"});
  expect_gone(pid_of(launcher.output(), 0));
}

TEST(LocalProcesses, CrashIsAFailure) {
  RankProcess launcher("Launches", to_do("crash"));
  launcher.expect_ends(1, {"process 1 was ended by signal 9", "stops by SIGTERM", "the run ended with 1"});
}

TEST(LocalProcesses, SignalIsHandedOn) {
  for (const int signal : {SIGTERM, SIGUSR1, SIGINT}) {
    RankProcess launcher("Launches", to_do("wait"));
    launcher.expect_says("of 0\n"), launcher.expect_says("of 1\n");
    launcher.send(signal);
    launcher.expect_ends(75, {signal == SIGUSR1 ? "[1] stops by SIGUSR1" : "[1] stops by SIGTERM", "the run ended with 75"});
  }
}

TEST(LocalProcesses, DieWithTheLauncher) {
  RankProcess launcher("Launches", to_do("wait"));
  launcher.expect_says("of 0\n"), launcher.expect_says("of 1\n");
  const std::string said = launcher.output();
  launcher.send(SIGKILL);
  launcher.expect_ends(-SIGKILL);
  for (const int rank : {0, 1}) expect_gone(pid_of(said, rank));
}

}  // namespace
}  // namespace fsc::test
