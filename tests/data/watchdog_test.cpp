// A wait is told each time it has lasted as long again, with what every worker is at.
#include "data/detail_watchdog.h"

#include <gtest/gtest.h>

#include "support/heard.h"

namespace fsc {
namespace {
using namespace detail;

size_t warnings(const test::Heard& heard) {
  const std::string text = heard.text();
  size_t count = 0;
  for (size_t at = text.find("no sample for"); at != std::string::npos; at = text.find("no sample for", at + 1)) ++count;
  return count;
}

TEST(StallWarning, TellsWhatTheWorkersAreAt) {
  Watchdog watchdog(3, 60, [] { return "b.tar"; });
  watchdog.of(0).set(Stage::kDecode, "a.jpg");
  watchdog.of(1).set(Stage::kTokenize, "b.jpg");
  {
    const Activity::Rest rest(watchdog.of(2));
    watchdog.of(2).set(Stage::kRead, "c.jpg");
  }
  const test::Heard heard;
  watchdog.look(60);
  const std::string expected =
      "no sample for 60 s: worker 0 is at decode of a.jpg, worker 1 is at tokenise of b.jpg, worker 2 waits for "
      "the next sample of the source; the shard being read is b.tar";
  EXPECT_NE(heard.text().find(expected), std::string::npos) << heard.text();
}

TEST(StallWarning, BarksOnceInItsPatience) {
  Watchdog watchdog(1, 10, [] { return ""; });
  const test::Heard heard;
  watchdog.look(9.9);
  EXPECT_EQ(warnings(heard), 0u);
  for (const double seconds : {10.0, 10.1, 15.0, 19.9, 20.0}) watchdog.look(seconds);
  EXPECT_EQ(warnings(heard), 2u);
  watchdog.wait_begins();
  watchdog.look(9);
  EXPECT_EQ(warnings(heard), 2u) << "another wait";
  watchdog.look(11);
  EXPECT_EQ(warnings(heard), 3u);
  EXPECT_EQ(heard.text().find("shard"), std::string::npos) << "there is none";
}

}  // namespace
}  // namespace fsc
