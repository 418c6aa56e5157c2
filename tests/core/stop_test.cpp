// The stop flag: set by the three signals, and a second SIGINT ends the process.
#include "fsc/core/stop.h"

#include <gtest/gtest.h>

#include <csignal>
#include <string>

namespace fsc {
namespace {

class Stop : public testing::TestWithParam<std::pair<int, const char*>> {
 protected:
  ~Stop() override {
    test::forget_stop_signal();
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) std::signal(signal, SIG_DFL);
  }
};

TEST_P(Stop, ASignalIsRemembered) {
  install_stop_signals();
  EXPECT_FALSE(stop_requested());
  EXPECT_NO_THROW(check_stop());
  std::raise(GetParam().first);
  EXPECT_TRUE(stop_requested());
  EXPECT_STREQ(stop_signal(), GetParam().second);
  try {
    check_stop();
    ADD_FAILURE() << "the wait went on";
  } catch (const Stopped& stopped) {
    EXPECT_STREQ(stopped.what(), GetParam().second);
  }
}
INSTANTIATE_TEST_SUITE_P(By, Stop,
                         testing::Values(std::pair(SIGTERM, "SIGTERM"), std::pair(SIGINT, "SIGINT"),
                                         std::pair(SIGUSR1, "SIGUSR1")));

TEST(StopDeathTest, TheSecondInterruptIsMeant) {
  EXPECT_EXIT(
      {
        install_stop_signals();
        std::raise(SIGTERM);
        std::raise(SIGTERM);
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace fsc
