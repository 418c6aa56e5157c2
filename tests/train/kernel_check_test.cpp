// train.verify_kernels: which steps are verified, what the log says of it, and that the step stays what it is.
#include <gtest/gtest.h>

#include "support/heard.h"
#include "train/detail_kernel_check.h"
#include "train/session_support.h"

namespace fsc {
namespace {
using namespace detail;

int lines_with(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(KernelCheck, TakesTheFirstStepAndEverySoMany) {
  const test::Heard heard;
  KernelCheck check(4);
  int done = 0;
  for (int64_t step = 7; step <= 13; ++step)
    check.step(step, [&] {
      ++done;
      return StepReport{};
    });
  EXPECT_EQ(done, 7) << "once each";
  EXPECT_EQ(lines_with(heard.text(), "kernels at step "), 3) << heard.text();
  for (const char* step : {"step 7,", "step 8,", "step 12,"}) EXPECT_EQ(lines_with(heard.text(), step), 1) << heard.text();
}

TEST(KernelCheck, OffItSaysNothing) {
  const test::Heard heard;
  KernelCheck check(0);
  for (int64_t step = 1; step <= 5; ++step) check.step(step, [] { return StepReport{}; });
  EXPECT_EQ(heard.text(), "");
}

TEST(KernelCheck, TheLogNamesEachKernelAndIsAWarningWhereOneFellBack) {
  const std::vector<KernelDifference> good = {{"attention", 3e-7, 1e-5, false}, {"contrastive", 0, 1e-5, false}};
  {
    const test::Heard heard;
    log_differences(9, good);
    EXPECT_NE(heard.text().find("[info] kernels at step 9, largest difference from the reference of what is allowed: attention "
                                "3.0e-07 of 1.0e-05, contrastive 0.0e+00 of 1.0e-05"),
              std::string::npos)
        << heard.text();
  }
  const test::Heard heard;
  log_differences(9, {good[0], {"contrastive", 0.5, 1e-5, true}});
  EXPECT_NE(heard.text().find("[warning] kernels at step 9"), std::string::npos) << heard.text();
  EXPECT_NE(heard.text().find("contrastive 5.0e-01 of 1.0e-05 (THE REFERENCE FROM NOW ON)"), std::string::npos) << heard.text();
}

TEST(KernelCheck, AVerifiedStepIsTheSameStep) {
  const test::SmallRun run;
  const test::Heard heard;
  const RunConfig config = test::small_config(run);
  Session plain = test::small_session(config), verified = test::small_session(config);
  KernelCheck off(0), on(1);
  for (auto& [session, check] : {std::pair<Session*, KernelCheck*>{&plain, &off}, {&verified, &on}}) {
    session->feed->start({}, 2);
    for (int64_t step = 1; step <= 2; ++step) check->step(step, [s = session] { return s->learner.step(s->feed->next(), 1e-3); });
  }
  EXPECT_TRUE(test::equal(test::weights_of(plain), test::weights_of(verified)));
  EXPECT_EQ(lines_with(heard.text(), "kernels at step "), 2) << heard.text();
  EXPECT_EQ(lines_with(heard.text(), "REFERENCE FROM NOW ON"), 0) << heard.text();
}

}  // namespace
}  // namespace fsc
