// Shards that fail, give nothing, or claim too much: bad samples, errors that name the source, stops.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "fsc/core/error.h"
#include "fsc/shards/byte_stream.h"
#include "fsc/shards/tar_writer.h"
#include "shard_stream_support.h"

namespace fsc {
namespace {
using test::expect_error;

TEST_F(ShardStreams, ASampleWithoutAnImageIsBad) {
  TrainSourceConfig& config = source();
  {
    TarWriter tar(dir_ / "0.tar");
    add(tar, "good", "fine");
    tar.add("bad.txt", "no image");
    tar.finish();
  }
  config.path = dir_ / "0.tar";
  data_.shuffle = false;
  auto stream = open();
  stream->start(0);
  EXPECT_EQ(stream->next().caption, "fine");
  const RawSample bad = stream->next();
  EXPECT_NE(bad.problem.find("0.tar/bad has no image (image_key: jpg, jpeg, png, webp); it has: txt"), std::string::npos)
      << bad.problem;
}

TEST_F(ShardStreams, NoCaptionAnywhereEndsTheRunWithTheKeysThereAre) {
  write_sample({{"jpg", "x"}, {"cls", "3"}, {"json", R"({"alt": "a dog", "url": "u"})"}});
  auto stream = open();
  stream->start(0);
  expect_error(
      [&] {
        stream->next();
        stream->next();
      },
      ExitCode::kUsage, {"none of the first 1 samples", "caption_key = txt", "jpg, cls, json (alt, url)"});
}

TEST_F(ShardStreams, ATruncatedShardGivesWhatIsWhole) {
  write({6, 4});
  cut("0.tar", 6 * 2048 - 700);  // a sample is two headers and two blocks of data
  auto stream = open();
  stream->start(0);
  std::set<std::string> seen;
  std::vector<RawSample> bad;
  for (int64_t i = 0; i < stream->size() + 1; ++i) {
    RawSample raw = stream->next();
    if (raw.problem.empty())
      seen.insert(raw.caption);
    else
      bad.push_back(std::move(raw));
  }
  EXPECT_GE(seen.size(), 9u);
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_NE(bad[0].problem.find("0.tar ends in the middle of a sample"), std::string::npos) << bad[0].problem;
}

TEST_F(ShardStreams, AShardThatCannotBeReadIsALoss) {
  write({5, 5});
  dir_.write("sizes.json", R"({"0.tar": 5, "1.tar": 5})");
  auto stream = open();
  std::filesystem::remove(dir_ / "1.tar");
  stream->start(0);
  std::vector<RawSample> bad;
  for (int i = 0; i < 6; ++i)
    if (RawSample raw = stream->next(); !raw.problem.empty()) bad.push_back(std::move(raw));
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].lost, 5) << "all its samples count";
  EXPECT_NE(bad[0].problem.find("1.tar"), std::string::npos) << bad[0].problem;
  EXPECT_EQ(stream->next().problem, "") << "the order begins again with what there is";
}

TEST_F(ShardStreams, APassWithoutASampleIsAnErrorThatNamesTheSource) {
  const std::string empty = empty_shard("empty.tar");
  source().path = "pipe:cat " + empty + "::pipe:cat  " + empty;
  source().samples = 100;
  const std::vector<std::string> parts = {"data.train = pipe:cat " + empty, "a whole pass over its 2 shards gave no sample",
                                          "are empty"};
  for (const bool resampled : {false, true}) {
    data_.resampled = resampled;
    auto stream = open();
    stream->start(0);
    EXPECT_TRUE(until_error(*stream, 10, ExitCode::kFailed, parts).empty());
    until_error(*stream, 10, ExitCode::kFailed, parts);  // asked again it does not hang either
    auto again = open();
    again->start(0);
    again->restore(stream->state());
    until_error(*again, 10, ExitCode::kFailed, parts);
  }
}

TEST_F(ShardStreams, ShardsThatCannotBeReadEndAPassToo) {
  source().path = "pipe:exit {3..5}";
  source().samples = 1000;
  for (const bool resampled : {false, true}) {
    data_.resampled = resampled;
    auto stream = open();
    stream->start(0);
    const auto lost = until_error(*stream, 5000, ExitCode::kFailed,
                                  {"data.train = pipe:exit {3..5}", "its 3 shards gave no sample", "exit status"});
    EXPECT_GE(lost.size(), 3u);
    std::set<std::string> named;
    for (const auto& raw : lost) named.insert(raw.problem.substr(0, 11));
    EXPECT_EQ(named, (std::set<std::string>{"pipe:exit 3", "pipe:exit 4", "pipe:exit 5"})) << "each is handed out first";
  }
}

TEST_F(ShardStreams, SamplesThatAreAllUselessEndAPassToo) {
  {
    TarWriter tar(dir_ / "0.tar");
    for (int i = 0; i < 5; ++i) tar.add(std::to_string(i) + ".txt", "no image");
    tar.finish();
  }
  source().path = "pipe:cat " + (dir_ / "0.tar").string();
  source().samples = 1000;
  auto stream = open();
  stream->start(0);
  EXPECT_EQ(until_error(*stream, 5000, ExitCode::kFailed, {"its 1 shards gave no sample", "has no image"}).size(), 5u);
}

TEST_F(ShardStreams, APassWithOneSampleGoesOn) {
  const std::string empty = empty_shard("empty.tar");
  write({1});
  source().path = "pipe:cat " + empty + "::pipe:exit 3::pipe:cat " + (dir_ / "0.tar").string();
  source().samples = 10;
  for (const bool resampled : {false, true}) {
    data_.resampled = resampled;
    auto stream = open();
    stream->start(0);
    int found = 0;
    for (int i = 0; i < 40; ++i) found += stream->next().caption == "s0n0";
    EXPECT_GE(found, 10);
  }
}

TEST_F(ShardStreams, AStreamThatGetsNoSampleIsTold) {
  write({1, 1});
  source().path = "pipe:cat " + (dir_ / "{0,1}.tar").string();
  source().samples = 8;
  data_.shard_streams = 4;  // each takes every fourth sample of every shard
  auto stream = open();
  stream->start(0);
  EXPECT_EQ(until_error(*stream, 10, ExitCode::kFailed, {"stream 1 takes every 4th sample", "lower data.shard_streams"}).size(),
            1u);
}

TEST_F(ShardStreams, AStreamWhoseShardIsLostGoesOnWithAnother) {
  write({5, 5, 5, 5});
  dir_.write("sizes.json", R"({"0.tar": 5, "1.tar": 5, "2.tar": 5, "3.tar": 5})");
  data_.shard_streams = 4;
  auto stream = open();
  std::filesystem::remove(dir_ / "2.tar");
  stream->start(0);
  int found = 0;
  for (int i = 0; i < 60; ++i) found += stream->next().problem.empty();
  EXPECT_GE(found, 40);
}

TEST_F(ShardStreams, MoreStreamsThanSamplesAreRefused) {
  write({2, 1});
  data_.shard_streams = 4;
  expect_error([&] { open(); }, ExitCode::kUsage, {"data.shard_streams = 4 is more than the 3 samples of"});
}

TEST_F(ShardStreams, AMixNamesTheSourceThatGivesNothing) {
  write({4});
  data_.train.push_back(source());
  data_.train[1].path = "pipe:cat " + empty_shard("empty.tar");
  data_.train[1].samples = 4;
  source().path = dir_ / "0.tar";
  auto stream = open();
  stream->start(0);
  until_error(*stream, 100, ExitCode::kFailed, {"data.train[1] = pipe:cat", "gave no sample"});
}

TEST_F(ShardStreams, AStopIsNoLoss) {
  write({3, 3});
  data_.shuffle = false;
  for (const bool pipes : {false, true}) {
    source().path = (pipes ? "pipe:cat " : "") + (dir_ / "{0,1}.tar").string();
    source().samples = 6;
    auto stream = open();
    stream->start(0);
    EXPECT_EQ(stream->next().caption, "s0n0");
    stream->interrupt();
    int stopped = 0;
    for (int i = 0; i < 5; ++i) {
      try {
        EXPECT_EQ(stream->next().problem, "") << "what was read ahead";
      } catch (const ReadStopped&) {
        ++stopped;
      }
    }
    EXPECT_GE(stopped, 2);
    EXPECT_EQ(epoch(*stream, 0).size(), 6u) << "start() undoes it";
  }
}

TEST_F(ShardStreams, CountsThatNobodyCanHaveAreRefused) {
  write({1});
  source().path = (dir_ / "{0..1001}.tar").string();
  std::string sizes;
  for (int i = 0; i <= 1001; ++i) sizes += (i ? ", \"" : "{\"") + std::to_string(i) + ".tar\": 1000000000";
  dir_.write("sizes.json", sizes + "}");
  expect_error([&] { open(); }, ExitCode::kFailed, {"more than 1000000000000 samples", "1000.tar", "sizes.json"});
  dir_.write("sizes.json", R"({"0.tar": 9223372036854775807})");
  source().path = dir_ / "0.tar";
  expect_error([&] { open(); }, ExitCode::kFailed, {"sizes.json", "\"0.tar\" is no count"});
  dir_.write("sizes.json", R"({"0.tar": 1000000000})");
  source().weight = 1e12;
  expect_error([&] { open(); }, ExitCode::kUsage, {"data.train.weight: ", "more than 1000000000000 samples"});
}

TEST_F(ShardStreams, ATooLargeSampleIsABadOne) {
  {
    TarWriter tar(dir_ / "0.tar");
    add(tar, "a", "fine");
    for (int i = 0; i < 1200; ++i) tar.add("img." + std::to_string(i) + ".jpg", "x");
    add(tar, "z", "fine too");
    tar.finish();
  }
  source().path = dir_ / "0.tar";
  data_.shuffle = false;
  auto stream = open();
  EXPECT_EQ(stream->size(), 3);
  stream->start(0);
  EXPECT_EQ(stream->next().caption, "fine");
  const RawSample bad = stream->next();
  EXPECT_EQ(bad.problem.rfind("0.tar/img has more than 1000 files; a key ends at the first dot", 0), 0u) << bad.problem;
  EXPECT_EQ(bad.lost, 1);
  EXPECT_EQ(stream->next().caption, "fine too");
}

TEST_F(ShardStreams, AProblemIsNoLongerThanAMessage) {
  std::vector<std::pair<std::string, std::string>> files;
  for (int i = 0; i < 200; ++i) files.emplace_back(std::to_string(i) + std::string(90, 'e'), "x");
  write_sample(files);
  auto stream = open();
  stream->start(0);
  const std::string problem = stream->next().problem;
  EXPECT_EQ(problem.rfind("one.tar/key has no image", 0), 0u);
  EXPECT_LE(problem.size(), 1003u);
  EXPECT_TRUE(problem.ends_with("…")) << problem;
}

TEST_F(ShardStreams, PasswordsOfUrlsAreNotNamed) {
  source().path = "http://me:hidden@127.0.0.1:1/a.tar?sig=secret";
  expect_error([&] { open(); }, ExitCode::kFailed, {"http://127.0.0.1:1/sizes.json"});
  try {
    open();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("hidden"), std::string::npos) << error.what();
  }
}

TEST_F(ShardStreams, NothingThere) {
  source().path = (dir_ / "none-*.tar").string();
  expect_error([&] { open(); }, ExitCode::kFailed, {"none-*.tar"});
  write({0});
  source().path = dir_ / "0.tar";
  expect_error([&] { open(); }, ExitCode::kFailed, {"hold no samples"});
}

}  // namespace
}  // namespace fsc
