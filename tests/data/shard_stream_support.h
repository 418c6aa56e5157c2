// Shards in a folder of a test, and the stream over them.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "fsc/core/error.h"
#include "fsc/shards/tar_writer.h"
#include "stream_support.h"

namespace fsc {

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
        tar.add(std::to_string(i) + ".jpg",
                caption + std::string(50'000 + (s * 13 + static_cast<size_t>(i)) * 7919 % 450'000, 'x'));
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
  static std::vector<RawSample> until_error(SampleStream& stream, int most, ExitCode code,
                                            const std::vector<std::string>& parts) {
    std::vector<RawSample> all;
    test::expect_error(
        [&] {
          for (int i = 0; i < most; ++i) all.push_back(stream.next());
        },
        code, parts);
    return all;
  }
  /// Each place is read by one of `world` processes, and is what one process alone reads there; so are their states together.
  void expect_divided(int64_t world) {
    auto alone = open();
    std::vector<std::unique_ptr<SampleStream>> ranks;
    for (int64_t rank = 0; rank < world; ++rank) ranks.push_back(open(rank, world));
    alone->start(1);
    for (auto& stream : ranks) stream->start(1);
    for (int64_t i = 0; i < 2 * alone->size(); ++i) {
      std::vector<std::string> states;
      for (auto& stream : ranks) states.push_back(stream->state());
      ASSERT_TRUE(ranks[0]->is_partial());
      ASSERT_EQ(ranks.back()->merged(states), alone->state()) << i;
      const RawSample expected = alone->next();
      for (int64_t rank = 0; rank < world; ++rank) {
        const RawSample raw = ranks[static_cast<size_t>(rank)]->next();
        ASSERT_EQ(raw.owner, i % data_.shard_streams % world);
        ASSERT_EQ(raw.index, rank == raw.owner ? expected.index : 0) << "place " << i << ", rank " << rank;
        ASSERT_EQ(raw.caption, rank == raw.owner ? expected.caption : "");
      }
    }
  }
  void cut(const std::string& name, uintmax_t bytes) { std::filesystem::resize_file(dir_ / name, bytes); }
};

}  // namespace fsc
