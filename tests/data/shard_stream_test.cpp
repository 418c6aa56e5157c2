// webdataset shards as a stream: order, buffer, keys, processes, resume inside a shard, and shards that fail.
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "fsc/core/error.h"
#include "fsc/shards/byte_stream.h"
#include "fsc/shards/tar_writer.h"
#include "stream_support.h"

namespace fsc {
namespace {
using test::expect_error;

class ShardStreams : public test::StreamTest {
 protected:
  ShardStreams() {
    data_.train = {{}};
    source().format = SourceFormat::kWebdataset;
    source().captions = CaptionChoice::kOne;
    data_.shuffle_buffer = 7;
    data_.retries = 0;
  }
  TrainSourceConfig& source() { return data_.train[0]; }

  /// Shard number s holds `sizes[s]` samples "s<s>n<i>".
  void write(const std::vector<int>& sizes) {
    for (size_t s = 0; s < sizes.size(); ++s) {
      TarWriter tar(dir_ / (std::to_string(s) + ".tar"));
      for (int i = 0; i < sizes[s]; ++i) add(tar, std::to_string(i), "s" + std::to_string(s) + "n" + std::to_string(i));
      tar.finish();
    }
    source().path = (dir_ / "*.tar").string();
  }
  static void add(TarWriter& tar, const std::string& key, const std::string& caption) {
    tar.add(key + ".jpg", "image of " + caption);
    tar.add(key + ".txt", caption + "\n");
  }
  /// One shard with one sample made of these files.
  void write_sample(const std::vector<std::pair<std::string, std::string>>& files) {
    TarWriter tar(dir_ / "one.tar");
    for (const auto& [extension, bytes] : files) tar.add("key." + extension, bytes);
    tar.finish();
    source().path = dir_ / "one.tar";
  }
  /// Shards of samples whose images have 50 to 500 kB, and captions as write() gives them.
  void write_large(const std::vector<int>& sizes) {
    for (size_t s = 0; s < sizes.size(); ++s) {
      TarWriter tar(dir_ / (std::to_string(s) + ".tar"));
      for (int i = 0; i < sizes[s]; ++i) {
        const std::string caption = "s" + std::to_string(s) + "n" + std::to_string(i);
        tar.add(std::to_string(i) + ".jpg", caption + std::string(50'000 + (s * 13 + static_cast<size_t>(i)) * 7919 % 450'000, 'x'));
        tar.add(std::to_string(i) + ".txt", caption);
      }
      tar.finish();
    }
    source().path = (dir_ / "*.tar").string();
  }
  static int64_t pass(const SampleStream& stream) { return nlohmann::json::parse(stream.state()).at("pass").get<int64_t>(); }
  static size_t held(const SampleStream& stream) { return nlohmann::json::parse(stream.state()).at("held").size(); }
  /// An archive of no sample, which is no error to a reader.
  std::string empty_shard(const std::string& name) {
    TarWriter tar(dir_ / name);
    tar.add("README", "nothing");
    tar.finish();
    return (dir_ / name).string();
  }
  /// next() until it throws, at most `most` times; what it gave.
  static std::vector<RawSample> until_error(SampleStream& stream, int most, ExitCode code, const std::vector<std::string>& parts) {
    std::vector<RawSample> all;
    expect_error([&] { for (int i = 0; i < most; ++i) all.push_back(stream.next()); }, code, parts);
    return all;
  }
  void cut(const std::string& name, uintmax_t bytes) { std::filesystem::resize_file(dir_ / name, bytes); }
};

TEST_F(ShardStreams, AnEpochIsExact) {
  write({4, 9, 1, 6});
  auto stream = open();
  EXPECT_EQ(stream->size(), 20);
  EXPECT_EQ(counts(epoch(*stream, 0)).size(), 20u);
  EXPECT_EQ(counts(epoch(*stream, 1)).size(), 20u);
  EXPECT_NE(epoch(*stream, 0), epoch(*stream, 1));
  EXPECT_EQ(epoch(*stream, 0), epoch(*open(), 0)) << "a function of seed and epoch";
}

TEST_F(ShardStreams, WithoutShufflingAsTheyLie) {
  write({2, 1});
  data_.shuffle = false;
  EXPECT_EQ(epoch(*open(), 3), (std::vector<std::string>{"s0n0", "s0n1", "s1n0"}));
}

TEST_F(ShardStreams, SamplesCarryWhatALoaderNeeds) {
  write({3});
  data_.shuffle = false;
  auto stream = open();
  stream->start(0);
  const RawSample a = stream->next(), b = stream->next();
  EXPECT_EQ(a.key, "0.tar/0");
  EXPECT_EQ(a.image_bytes, "image of s0n0");
  EXPECT_TRUE(a.image_file.empty());
  EXPECT_NE(a.index, b.index);
  EXPECT_NE(a.image, b.image);
  stream->start(5);
  EXPECT_EQ(stream->next().index, a.index) << "the same in every epoch";
}

TEST_F(ShardStreams, StatesAreResumable) {
  write({5, 8, 3, 7});
  expect_resumable(46);  // twice around
  data_.shuffle_buffer = 1;
  expect_resumable(30);
  data_.shuffle_buffer = 500;
  expect_resumable(30);
}

TEST_F(ShardStreams, TheBufferIsBoundedByBytesToo) {
  write_large({10, 10, 10, 10});
  data_.shuffle_buffer = 1000;
  const auto all = [&](int64_t mb) {
    data_.shuffle_buffer_mb = mb;
    auto stream = open();
    stream->start(0);
    std::vector<std::string> captions;
    std::set<size_t> numbers;
    for (int64_t i = 0; i < stream->size(); ++i) {
      captions.push_back(stream->next().caption);
      if (i < 30) numbers.insert(held(*stream));
    }
    return std::make_pair(captions, numbers);
  };
  const auto [unbounded, all_held] = all(0);
  EXPECT_EQ(*all_held.rbegin(), 39u);
  EXPECT_EQ(all(1 << 20).first, unbounded) << "a bound that is not reached changes nothing";
  const auto [bounded, numbers] = all(1);
  EXPECT_EQ(counts(bounded).size(), 40u) << "an epoch is exact";
  EXPECT_NE(bounded, unbounded);
  EXPECT_EQ(all(1).first, bounded) << "a function of data and config";
  EXPECT_GE(*numbers.begin(), 1u);
  EXPECT_LE(*numbers.rbegin(), 20u) << "1 MiB of images of 50 kB at least";
  EXPECT_GT(numbers.size(), 1u) << "how many it holds depends on their sizes";
  const auto [wider, more] = all(3);
  EXPECT_GT(*more.rbegin(), *numbers.rbegin());
}

TEST_F(ShardStreams, ABoundSmallerThanOneSampleHoldsOne) {
  TarWriter tar(dir_ / "0.tar");
  for (int i = 0; i < 4; ++i) {
    tar.add(std::to_string(i) + ".jpg", std::string(2'000'000, static_cast<char>('a' + i)));
    tar.add(std::to_string(i) + ".txt", std::to_string(i));
  }
  tar.finish();
  source().path = dir_ / "0.tar";
  data_.shuffle_buffer_mb = 1;
  EXPECT_EQ(epoch(*open(), 0), (std::vector<std::string>{"0", "1", "2", "3"})) << "there is nothing to draw from";
}

TEST_F(ShardStreams, ABufferBoundedByBytesIsResumable) {
  write_large({6, 9, 7});
  data_.shuffle_buffer = 1000;
  data_.shuffle_buffer_mb = 1;
  expect_resumable(46);  // twice around
  expect_resumable(20, 1, 2);
  dir_.write("sizes.json", R"({"0.tar": 8, "1.tar": 9, "2.tar": 7})");  // a failure in the buffer: its text is another after a resume
  expect_resumable(46);
  data_.resampled = true;
  expect_resumable(40);
}

TEST_F(ShardStreams, ResampledShardsComeWithReplacement) {
  write({3, 3, 3});
  data_.resampled = true;
  auto stream = open();
  EXPECT_EQ(stream->size(), 9);
  std::set<std::string> seen;
  std::set<uint64_t> indices;
  bool twice = false;
  stream->start(0);
  for (int i = 0; i < 60; ++i) {
    const RawSample raw = stream->next();
    twice |= !seen.insert(raw.caption).second;
    EXPECT_TRUE(indices.insert(raw.index).second) << "a sample that comes again has other streams";
  }
  EXPECT_TRUE(twice);
  EXPECT_EQ(seen.size(), 9u);
  expect_resumable(40);
  source().samples = 4;
  EXPECT_EQ(open()->size(), 4);
}

TEST_F(ShardStreams, AnyNumberOfProcessesSharesAnyNumberOfShards) {
  write({5, 8, 3, 7});
  for (const int64_t world : {1, 2, 3, 5, 11}) {
    std::vector<std::string> together;
    for (int64_t rank = 0; rank < world; ++rank) {
      auto stream = open(rank, world);
      EXPECT_EQ(stream->size(), 23 / world);
      const auto part = epoch(*stream, 2);
      together.insert(together.end(), part.begin(), part.end());
    }
    EXPECT_EQ(counts(together).size(), static_cast<size_t>(23 / world * world)) << world << " processes";
  }
  expect_resumable(20, 1, 3);
}

TEST_F(ShardStreams, WithoutSizesShardsAreDealtOut) {
  write({5, 8, 3});
  source().path = "pipe:cat " + (dir_ / "{0..2}.tar").string();
  expect_error([&] { open(); }, ExitCode::kUsage, {"nothing says how many samples pipe:cat", "sizes.json", "data.train.samples"});
  source().samples = 16;
  for (const int64_t world : {1, 2, 3}) {
    std::vector<std::string> together;
    for (int64_t rank = 0; rank < world; ++rank) {
      auto stream = open(rank, world);
      EXPECT_EQ(stream->size(), 16 / world);
      stream->start(1);
      for (RawSample raw = stream->next(); pass(*stream) == 0; raw = stream->next()) together.push_back(raw.caption);
    }
    EXPECT_EQ(together.size(), 16u) << world;
    EXPECT_EQ(counts(together).size(), 16u) << "each shard is one process's, of " << world;
  }
  // Fewer shards than processes: every fourth sample.
  std::vector<std::string> together;
  for (int64_t rank = 0; rank < 4; ++rank) {
    const auto part = epoch(*open(rank, 4), 1);
    EXPECT_EQ(part.size(), 4u);
    together.insert(together.end(), part.begin(), part.end());
  }
  EXPECT_GE(counts(together).size(), 14u) << "almost nothing twice";
  expect_resumable(20, 1, 4);
}

TEST_F(ShardStreams, SizesAreTakenFromSizesJson) {
  write({3, 4});
  dir_.write("sizes.json", R"({"0.tar": 3, "1.tar": 4})");
  EXPECT_EQ(open()->size(), 7);
  dir_.write("sizes.json", R"({"0.tar": 2, "1.tar": 4})");
  auto fewer = open();
  EXPECT_EQ(fewer->size(), 6);
  EXPECT_EQ(counts(epoch(*fewer, 0)).size(), 6u) << "the seventh is not used";
  dir_.write("sizes.json", R"({"0.tar": 5, "1.tar": 4})");
  auto more = open();
  more->start(0);
  std::vector<RawSample> bad;
  for (int64_t i = 0; i < more->size(); ++i)
    if (RawSample raw = more->next(); !raw.problem.empty()) bad.push_back(raw);
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_NE(bad[0].problem.find("fewer samples than its sizes.json says"), std::string::npos) << bad[0].problem;
  EXPECT_EQ(bad[0].lost, 2);
}

TEST_F(ShardStreams, CaptionKeysInOrderOfPreference) {
  data_.shuffle = false;
  const auto caption = [&](const std::vector<std::string>& keys) {
    source().caption_key = keys;
    auto stream = open();
    stream->start(0);
    return stream->next().caption;
  };
  write_sample({{"jpg", "x"}, {"txt", "plain\r\n"}, {"json", R"({"caption": "from json", "texts": ["one", "two", "three"], "number": 7})"}});
  EXPECT_EQ(caption({"txt"}), "plain");
  EXPECT_EQ(caption({"json:caption"}), "from json");
  EXPECT_EQ(caption({"json:missing", "txt"}), "plain");
  EXPECT_EQ(caption({"json:number", "json:caption"}), "from json") << "a number is no caption";
  source().caption_key = {"json:texts"};
  std::set<std::string> drawn;
  auto stream = open();
  for (uint64_t number = 0; number < 40; ++number) {
    stream->start(number);
    drawn.insert(stream->next().caption);
  }
  EXPECT_EQ(drawn, (std::set<std::string>{"one", "two", "three"}));
  dir_.write("coca/key.txt", "from a folder\n");
  EXPECT_EQ(caption({"dir:" + (dir_ / "coca").string(), "txt"}), "from a folder");
  expect_error([&] { caption({"json:"}); }, ExitCode::kUsage, {"caption_key", "'json:'"});
}

TEST_F(ShardStreams, CaptionKeysByChance) {
  write_sample({{"jpg", "x"}, {"txt", "plain"}, {"json", R"({"caption": "from json"})"}});
  source().caption_key = {"txt", "json:caption", "json:missing"};
  source().caption_weights = {1, 3, 100};
  auto stream = open();
  int plain = 0;
  for (uint64_t number = 0; number < 2000; ++number) {
    stream->start(number);
    plain += stream->next().caption == "plain";
  }
  EXPECT_NEAR(plain, 500, 80) << "the weights of what is there";
}

TEST_F(ShardStreams, NegativesOfTheJson) {
  write_sample({{"jpg", "x"}, {"txt", "a"}, {"json", R"({"neg_caption": ["b", null, "c"]})"}});
  column_ = "neg_caption";
  auto stream = open();
  stream->start(0);
  EXPECT_EQ(stream->next().listed, (NegativeTexts{"b", std::nullopt, "c"}));
}

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
  EXPECT_NE(bad.problem.find("0.tar/bad has no image (image_key: jpg, jpeg, png, webp); it has: txt"), std::string::npos) << bad.problem;
}

TEST_F(ShardStreams, NoCaptionAnywhereEndsTheRunWithTheKeysThereAre) {
  write_sample({{"jpg", "x"}, {"cls", "3"}, {"json", R"({"alt": "a dog", "url": "u"})"}});
  auto stream = open();
  stream->start(0);
  expect_error([&] { stream->next(); stream->next(); }, ExitCode::kUsage, {"none of the first 1 samples", "caption_key = txt", "jpg, cls, json (alt, url)"});
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
    if (raw.problem.empty()) seen.insert(raw.caption);
    else bad.push_back(std::move(raw));
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
  const std::vector<std::string> parts = {"data.train = pipe:cat " + empty, "a whole pass over its 2 shards gave no sample", "are empty"};
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
    const auto lost = until_error(*stream, 5000, ExitCode::kFailed, {"data.train = pipe:exit {3..5}", "its 3 shards gave no sample", "exit status"});
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

TEST_F(ShardStreams, AProcessThatGetsNoSampleIsTold) {
  write({1, 1});
  source().path = "pipe:cat " + (dir_ / "{0,1}.tar").string();
  source().samples = 8;
  auto stream = open(2, 4);  // the third sample of every shard
  stream->start(0);
  until_error(*stream, 10, ExitCode::kFailed, {"process 2 takes every 4th sample", "use fewer processes"});
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
  data_.train.pop_back();
  data_.train.push_back(table("t", 2));
  expect_error([&] { open(0, 3); }, ExitCode::kFailed, {"t.tsv", "fewer samples than there are processes (3)"});
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

TEST_F(ShardStreams, MixWithATable) {
  write({4, 4});
  data_.train.push_back(table("t", 6));
  data_.train[1].weight = 2;
  auto stream = open();
  EXPECT_EQ(stream->size(), 20);
  const auto found = counts(epoch(*stream, 0));
  EXPECT_EQ(found.size(), 14u);
  EXPECT_EQ(found.at("t3"), 2);
  expect_resumable(45);
}

}  // namespace
}  // namespace fsc
