// What a run tells of itself: verdicts and the streak that ends it, windows, lines, and what a way back takes away.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/expect_error.h"
#include "support/heard.h"
#include "train/detail_meter.h"
#include "train/session_support.h"

namespace fsc {
namespace {
using namespace detail;
using test::SmallRun;

StepReport report(double loss, bool skipped = false) {
  const auto scalar = [](double value) { return torch::tensor(value, torch::kFloat64); };
  return {.losses = {.total = scalar(loss), .terms = {{"clip_loss", scalar(loss / 4)}, {"local_hn_loss", scalar(loss * 3 / 4)}}},
          .logit_scale = scalar(2.5),
          .verdict = {.grad_norm = scalar(skipped ? NAN : 1.5), .skipped = scalar(skipped ? 1 : 0)}};
}

class MeterTest : public testing::Test {
 protected:
  explicit MeterTest(const std::vector<std::string>& overrides = {"optim.max_skipped_steps=3", "output.log_every_steps=2",
                                                                  "output.tensorboard=false"})
      : config_(test::small_config(run_, overrides)), session_(test::small_session(config_)) {
    std::filesystem::create_directories(run_.run());
    meter_ = std::make_unique<Meter>(config_, session_, state_);
    meter_->start();
  }
  void step(double loss, bool skipped = false) {
    ++state_.step;
    meter_->step(report(loss, skipped), {"image a", "image b"}, 1e-3);
  }
  std::vector<nlohmann::json> lines() const {
    std::ifstream file(run_.run() / "metrics.jsonl");
    std::vector<nlohmann::json> all;
    for (std::string line; std::getline(file, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }

  SmallRun run_;
  test::Heard heard_;
  RunConfig config_;
  Session session_;
  TrainState state_;
  std::unique_ptr<Meter> meter_;
};

TEST_F(MeterTest, ALineIsWrittenEverySoManyStepsAndAtTheEnd) {
  session_.total_steps = 7;
  for (int64_t i = 1; i <= 7; ++i) {
    meter_->waited(0.25);
    step(static_cast<double>(i));
  }
  const auto all = lines();
  ASSERT_EQ(all.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    const int64_t at = std::min<int64_t>(2 * static_cast<int64_t>(i) + 2, 7);
    EXPECT_EQ(all[i]["step"], at);
    EXPECT_EQ(all[i]["epoch"], at == 7 ? 1 : 0) << "six steps an epoch, from 0";
    EXPECT_EQ(all[i]["samples"], 4 * at);
    EXPECT_EQ(all[i]["loss"], static_cast<double>(at));
    EXPECT_EQ(all[i]["clip_loss"], static_cast<double>(at) / 4);
    EXPECT_EQ(all[i]["grad_norm"], 1.5);
    EXPECT_DOUBLE_EQ(all[i]["data_seconds"], 0.25) << "a step of the window, the short last one too";
  }
  EXPECT_NE(heard_.text().find("step 7/7 epoch 1 loss 7.0000 clip_loss 1.7500 local_hn_loss 5.2500 lr 1.00e-03 "),
            std::string::npos)
      << heard_.text();
}

TEST_F(MeterTest, SkippedStepsAreToldCountedAndForgivenByAGoodOne) {
  step(1);
  step(NAN, true);
  step(NAN, true);
  EXPECT_EQ(state_.skipped_in_a_row, 2);
  step(1);
  EXPECT_EQ(state_.skipped_in_a_row, 0);
  EXPECT_EQ(state_.skipped_total, 2);
  EXPECT_NE(heard_.text().find("step 3: a gradient is not finite (loss nan); the weights were left alone. Its samples: image a, "
                               "image b"),
            std::string::npos)
      << heard_.text();
}

TEST_F(MeterTest, AStreakEndsTheRun) {
  step(NAN, true);
  step(NAN, true);
  test::expect_error([&] { step(NAN, true); }, ExitCode::kFailed,
                     {"3 steps in a row had a gradient that is not finite (optim.max_skipped_steps), the last one step 3",
                      (run_.run() / "checkpoints").string() + " are as they were"});
}

TEST_F(MeterTest, AStreakGoesOnOverAResume) {
  state_.skipped_in_a_row = 2;
  EXPECT_THROW(step(NAN, true), Error);
}

TEST_F(MeterTest, VerdictsOfADeviceWaitUntilTheyAreWanted) {
  session_.total_steps = 1000;
  session_.learner.device = torch::Device(torch::kMeta);  // any that is no CPU
  step(NAN, true);
  EXPECT_EQ(state_.skipped_total, 0);
  meter_->read_back();
  EXPECT_EQ(state_.skipped_total, 1);
  config_.output.log_every_steps = 1000;
  for (int i = 0; i < 31; ++i) step(i);
  step(NAN, true);
  EXPECT_EQ(state_.skipped_total, 2) << "32 are read in one go";
}

TEST_F(MeterTest, AWayBackTakesLinesAndStepsAway) {
  for (int i = 0; i < 6; ++i) step(1);
  ASSERT_EQ(lines().size(), 3u);
  const int64_t from = state_.step;
  state_.step = 2;
  meter_->drop_later_lines();
  meter_->went_back(from);
  ASSERT_EQ(lines().size(), 1u);
  step(2);
  step(2);
  ASSERT_EQ(lines().size(), 2u);
  EXPECT_EQ(lines()[1]["step"], 4);
  meter_->say_totals();
  EXPECT_NE(heard_.text().find("8 steps in "), std::string::npos) << "those that were thrown away took time: " << heard_.text();
}

TEST_F(MeterTest, ARunThatWasCompleteSaysSo) {
  state_.step = 12;
  meter_->start();
  meter_->say_totals();
  EXPECT_NE(heard_.text().find("the run was complete already: 12 steps"), std::string::npos) << heard_.text();
  EXPECT_EQ(heard_.text().find("steps in"), std::string::npos);
}

TEST_F(MeterTest, TimeThatIsLeftOutIsNotTheTraining) {
  meter_->leave_out(std::chrono::hours(-10), 0);  // as if the run had begun ten hours ago
  step(1);
  step(1);
  EXPECT_GT(lines()[0]["step_seconds"].get<double>(), 5 * 3600 - 1.0);
  meter_->leave_out(std::chrono::hours(10), 0);
  meter_->say_totals();
  EXPECT_EQ(heard_.text().find("2 steps in 10h"), std::string::npos) << heard_.text();
}

}  // namespace
}  // namespace fsc
