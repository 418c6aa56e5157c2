// What the loader says of itself: the line, the table, and the watchdog that names what stands still.
#include "fsc/data/loader_stats.h"

#include <chrono>
#include <sstream>
#include <thread>

#include "fsc/shards/tar_writer.h"
#include "loader_support.h"
#include "support/heard.h"

namespace fsc {
namespace {

LoaderStats stats(double wait) {
  LoaderStats s;
  s.samples = 1000;
  s.batches = 10;
  s.elapsed = 20;
  s.at(Stage::kRead) = 0.5;
  s.at(Stage::kDecode) = 6;
  s.at(Stage::kResize) = 2;
  s.at(Stage::kWait) = wait;
  s.negative_slots = 3000;
  s.negatives = 2900;
  s.negatives_dropped = 7;
  s.duplicates_moved = 12;
  s.by_source = {700, 300};
  return s;
}

std::string table(const LoaderStats& s, int64_t workers) {
  std::string text;
  for (const auto& line : input_table(s, workers)) text += line + "\n";
  return text;
}

void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
  for (const auto& part : parts) EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in\n" << text;
}

TEST(LoaderStats, SayWhatARunIsBoundBy) {
  expect_parts(input_line(stats(0.2), 2), {"1.0% of the time waiting", "bound by compute", "decode 6.00", "workers busy 21%"});
  expect_parts(input_line(stats(10), 1), {"50.0%", "bound by input", "the worker busy 42%"});
}

TEST(LoaderStats, TheTableNamesTheDearestStageAndWhatHelps) {
  const std::string text = table(stats(10), 2);
  expect_parts(text, {"bound by input", "decode", "70.6%", "the dearest stage is decode: more data.workers",
                      "up to 235 samples/s", "2900 of 3000 wanted (96.7%), 7 dropped",
                      "12 samples moved to a later batch, 0 left", "data.train[1]: 300 samples"});
  LoaderStats reading = stats(10);
  reading.at(Stage::kRead) = 30;
  expect_parts(table(reading, 2), {"the dearest stage is read", "fsc-data pack"});
}

TEST(LoaderStats, ADifferenceIsWhatHappenedBetween) {
  LoaderStats later = stats(3);
  later.samples += 500;
  later.at(Stage::kDecode) += 4;
  later.by_source[1] += 500;
  const LoaderStats between = later - stats(1);
  EXPECT_EQ(between.samples, 500);
  EXPECT_DOUBLE_EQ(between.at(Stage::kDecode), 4);
  EXPECT_DOUBLE_EQ(between.at(Stage::kWait), 2);
  EXPECT_EQ(between.by_source, (std::vector<int64_t>{0, 500}));
  EXPECT_EQ(between.negatives, 0);
}

class LoaderWatchdog : public test::LoaderTest {};

TEST_F(LoaderWatchdog, NamesShardKeyAndStage) {
  TarWriter tar(dir_ / "slow.tar");
  for (int i = 0; i < 4; ++i) {
    tar.add(std::to_string(i) + ".png", test::read_all(image(1)));
    tar.add(std::to_string(i) + ".txt", "row" + std::to_string(i));
  }
  tar.finish();
  TrainSourceConfig& source = setup_.data.train[0];
  source.format = SourceFormat::kWebdataset;
  source.samples = 4;
  setup_.data.shuffle = false;
  setup_.data.workers = 2;
  setup_.data.stall_seconds = 0.1;
  setup_.negatives.source = NegativeSource::kNone;
  const test::Heard heard;
  source.path = "pipe:sleep 0.5; cat " + (dir_ / "slow.tar").string();
  const auto batch = fresh_epoch(0)[0];
  EXPECT_EQ(batch.keys[0], "slow.tar/0");
  expect_parts(heard.text(), {"no sample for 0 s", "worker 0", "worker 1", "waits for the next sample of the source",
                              "the shard being read is pipe:sleep 0.5; cat"});
}

TEST_F(LoaderWatchdog, ALoaderThatIsDroppedDoesNotWaitForAPipe) {
  TrainSourceConfig& source = setup_.data.train[0];
  source.format = SourceFormat::kWebdataset;
  source.path = "pipe:sleep 30";
  source.samples = 4;
  setup_.negatives.source = NegativeSource::kNone;
  const auto begin = std::chrono::steady_clock::now();
  {
    Loader loader(setup_);
    loader.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace fsc
