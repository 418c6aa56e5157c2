// webdataset shards as a stream: order, buffer, keys, processes, resume inside a shard, and shards that fail.
#include <algorithm>
#include <fstream>
#include <set>

#include "fsc/core/error.h"
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
      std::set<std::string> part;
      for (int i = 0; i < 8; ++i) part.insert(stream->next().caption);
      together.insert(together.end(), part.begin(), part.end());
    }
    if (world == 1) {
      EXPECT_EQ(together.size(), 8u);
    }
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
