// metrics.jsonl reads back exactly; TensorBoard's file is framed as TFRecord and read by TensorBoard where it is installed.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "fsc/train/run_log.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;

Metrics metrics_at(int64_t step) {
  Metrics m;
  m.step = step;
  m.epoch = step / 10;
  m.samples = step * 4;
  m.loss = 1.0 / 3.0 + static_cast<double>(step);
  m.terms = {{"clip_loss", 0.1 + 0.2}, {"global_hn_loss", 1e-17}};
  m.lr = 5e-6;
  m.logit_scale = std::log(1 / 0.07);
  m.grad_norm = 1.0 / 7.0;
  m.samples_per_second = 123.456;
  m.data_seconds = 1e-4;
  m.step_seconds = 0.1;
  return m;
}

std::vector<nlohmann::json> lines(const fs::path& file) {
  std::ifstream in(file);
  std::vector<nlohmann::json> all;
  for (std::string line; std::getline(in, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

fs::path events_file(const fs::path& run) {
  for (const auto& entry : fs::directory_iterator(run))
    if (entry.path().filename().string().rfind("events.out.tfevents.", 0) == 0) return entry.path();
  return {};
}

TEST(RunLog, NumbersReadBackExactly) {
  const test::TempDir run;
  RunLog log(run.path(), 0, false);
  log.write(metrics_at(1));
  const auto got = lines(run / "metrics.jsonl");
  ASSERT_EQ(got.size(), 1u);
  const auto m = metrics_at(1);
  EXPECT_EQ(got[0]["step"], 1);
  EXPECT_EQ(got[0]["samples"], 4);
  EXPECT_EQ(got[0]["loss"].get<double>(), m.loss);
  EXPECT_EQ(got[0]["clip_loss"].get<double>(), 0.1 + 0.2);
  EXPECT_EQ(got[0]["global_hn_loss"].get<double>(), 1e-17);
  EXPECT_EQ(got[0]["lr"].get<double>(), m.lr);
  EXPECT_EQ(got[0]["logit_scale"].get<double>(), m.logit_scale);
  EXPECT_EQ(got[0]["grad_norm"].get<double>(), m.grad_norm);
  for (const char* key : {"epoch", "samples_per_second", "data_seconds", "step_seconds"})
    EXPECT_TRUE(got[0].contains(key)) << key;
}

TEST(RunLog, ResumeDropsWhatWasWrittenAfterTheCheckpoint) {
  const test::TempDir run;
  {
    RunLog log(run.path(), 0, false);
    for (int64_t step = 1; step <= 5; ++step) log.write(metrics_at(step));
  }
  std::ofstream(run / "metrics.jsonl", std::ios::app) << R"({"step": 6, "loss": 0.)";  // killed while it wrote
  RunLog log(run.path(), 3, false);
  log.write(metrics_at(4));
  const auto got = lines(run / "metrics.jsonl");
  ASSERT_EQ(got.size(), 4u);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(got[i]["step"], i + 1);
}

TEST(RunLog, DrawsTheCurve) {
  const test::TempDir run;
  RunLog log(run.path(), 0, false);
  for (int64_t step = 1; step <= 5; ++step) log.write(metrics_at(step));
  draw_loss_curve(run.path(), {"clip_loss", "global_hn_loss"});
  EXPECT_EQ(test::read_all((run / "loss_curve.png").string()).substr(1, 3), "PNG");
}

TEST(RunLog, NonFiniteNumbersStayValidJson) {
  const test::TempDir run;
  RunLog log(run.path(), 0, false);
  auto m = metrics_at(1);
  m.loss = std::nan("");
  m.grad_norm = INFINITY;
  log.write(m);
  EXPECT_TRUE(lines(run / "metrics.jsonl").at(0)["loss"].is_null());
}

TEST(EventWriter, RecordsAreFramed) {
  const test::TempDir run;
  RunLog log(run.path(), 0, true);
  log.write(metrics_at(1));
  const std::string bytes = test::read_all(events_file(run.path()).string());
  size_t at = 0, records = 0;
  while (at + 12 <= bytes.size()) {
    uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, 8);
    ASSERT_LE(at + 16 + length, bytes.size());
    at += 16 + length;
    ++records;
  }
  EXPECT_EQ(at, bytes.size());
  EXPECT_EQ(records, 2u);
  EXPECT_NE(bytes.find("brain.Event:2"), std::string::npos);
  // The version record is 26 bytes long; the masked CRC-32C of that length is part of the format.
  ASSERT_EQ(static_cast<unsigned char>(bytes[0]), 26u);
  uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + 8, 4);
  EXPECT_EQ(crc, 0x2dd89b12u);
}

TEST(EventWriter, ResumeKeepsTheStepOfTheCheckpoint) {
  const test::TempDir run;
  const RunLog log(run.path(), 3, true);
  // Step 4 and a session's start: TensorBoard drops what came before in the files from step 4 on.
  const std::string start("\x10\x04\x3a\x02\x08\x01", 6);
  EXPECT_NE(test::read_all(events_file(run.path()).string()).find(start), std::string::npos);
}

TEST(EventWriter, TensorBoardReadsIt) {
  if (std::system("python3 -c 'import tensorboard' >/dev/null 2>&1") != 0) GTEST_SKIP() << "python3 has no tensorboard";
  const test::TempDir run;
  {
    RunLog log(run.path(), 0, true);
    for (int64_t step = 1; step <= 3; ++step) log.write(metrics_at(step));
  }
  run.write("read.py", R"(import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
values = events.Scalars("train/loss")
assert [v.step for v in values] == [1, 2, 3], values
assert all(abs(v.value - (1 / 3 + v.step)) < 1e-6 for v in values), values
assert abs(events.Scalars("train/lr")[0].value - 5e-6) < 1e-12
)");
  const std::string command =
      "python3 " + (run / "read.py").string() + " " + run.path().string() + " >" + (run / "out").string() + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << test::read_all((run / "out").string());
}

}  // namespace
}  // namespace fsc
