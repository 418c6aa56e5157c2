// webdataset shards as a stream: order, buffer, keys, streams that processes divide, resume inside a shard.
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
  dir_.write("sizes.json",
             R"({"0.tar": 8, "1.tar": 9, "2.tar": 7})");  // a failure in the buffer: its text is another after a resume
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

TEST_F(ShardStreams, AnyNumberOfStreamsSharesAnyNumberOfShards) {
  write({5, 8, 3, 7});
  std::set<std::vector<std::string>> orders;
  for (const int64_t streams : {1, 2, 3, 5, 11}) {
    data_.shard_streams = streams;
    auto stream = open();
    EXPECT_EQ(stream->size(), 23);
    EXPECT_EQ(counts(epoch(*stream, 2)).size(), 23u) << "an epoch is exact with " << streams << " streams";
    orders.insert(epoch(*stream, 2));
    expect_resumable(50);
  }
  EXPECT_EQ(orders.size(), 5u);
}

TEST_F(ShardStreams, ProcessesDivideTheStreams) {
  write({5, 8, 3, 7});
  for (const int64_t streams : {4, 7})
    for (const bool resampled : {false, true}) {
      data_.shard_streams = streams;
      data_.resampled = resampled;
      expect_divided(3);
      expect_divided(4);
    }
}

TEST_F(ShardStreams, MoreProcessesThanStreamsReadAll) {
  write({5, 8});
  data_.shard_streams = 2;
  const auto alone = epoch(*open(), 1);
  for (int64_t rank = 0; rank < 3; ++rank) {
    auto stream = open(rank, 3);
    EXPECT_FALSE(stream->is_partial());
    EXPECT_EQ(epoch(*stream, 1), alone);
    EXPECT_EQ(stream->next().owner, -1) << "whose it is does not matter to the stream";
  }
}

TEST_F(ShardStreams, AStateOfOtherStreamsIsRefused) {
  write({5, 8});
  data_.shard_streams = 2;
  auto two = open();
  two->start(0);
  data_.shard_streams = 3;
  auto three = open();
  three->start(0);
  expect_error([&] { three->restore(two->state()); }, ExitCode::kFailed, {"2 streams", "data.shard_streams is 3"});
}

TEST_F(ShardStreams, WithoutSizesShardsAreDealtOut) {
  write({5, 8, 3});
  source().path = "pipe:cat " + (dir_ / "{0..2}.tar").string();
  expect_error([&] { open(); }, ExitCode::kUsage, {"nothing says how many samples pipe:cat", "sizes.json", "data.train.samples"});
  source().samples = 16;
  EXPECT_EQ(counts(epoch(*open(), 1)).size(), 16u);
  data_.shard_streams = 3;  // a shard each
  const auto dealt = epoch(*open(), 1);
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(dealt[i].substr(0, 2), dealt[i % 3].substr(0, 2)) << i;
  expect_divided(2);
  // Fewer shards than streams: every fourth sample.
  data_.shard_streams = 4;
  EXPECT_GE(counts(epoch(*open(), 1)).size(), 14u) << "almost nothing twice";
  expect_divided(4);
  expect_resumable(20);
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
  write_sample({{"jpg", "x"},
                {"txt", "plain\r\n"},
                {"json", R"({"caption": "from json", "texts": ["one", "two", "three"], "number": 7})"}});
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
