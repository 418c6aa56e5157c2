// Shards written in any order and from many threads are the same bytes; what could not be read back is refused.
#include "fsc/shards/shard_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/shards/shard_index.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::TempDir;

ShardSample sample_of(const std::string& key, std::vector<std::pair<std::string, std::string>> files) {
  ShardSample sample;
  sample.key = key;
  sample.files = std::move(files);
  return sample;
}

/// Hands out the samples one by one.
std::function<bool(ShardSample&)> each_of(std::vector<ShardSample> samples) {
  return [samples = std::move(samples), i = size_t{0}](ShardSample& sample) mutable {
    if (i == samples.size()) return false;
    sample = samples[i++];
    return true;
  };
}

TEST(PlanShards, CutsByCountAndBytes) {
  const auto plan = [](std::vector<uint64_t> sizes, int64_t samples, uint64_t bytes) {
    std::vector<std::pair<int64_t, int64_t>> ranges;
    for (const auto& range : plan_shards(sizes, {.folder = {}, .max_samples = samples, .max_bytes = bytes}))
      ranges.emplace_back(range.first, range.last);
    return ranges;
  };
  using Ranges = std::vector<std::pair<int64_t, int64_t>>;
  EXPECT_EQ(plan({}, 2, 10), Ranges());
  EXPECT_EQ(plan({1, 1, 1, 1, 1}, 2, 10), (Ranges{{0, 2}, {2, 4}, {4, 5}}));
  EXPECT_EQ(plan({4, 6, 1, 9, 1}, 9, 10), (Ranges{{0, 2}, {2, 4}, {4, 5}}));
  EXPECT_EQ(plan({99, 99, 1, 1}, 9, 10), (Ranges{{0, 1}, {1, 2}, {2, 4}}));  // larger than a shard
  EXPECT_EQ(plan({1, UINT64_MAX, 1}, 9, UINT64_MAX), (Ranges{{0, 1}, {1, 2}, {2, 3}}));
}

TEST(ShardWriter, ShardsComeBackAsTheyWere) {
  const TempDir dir;
  const ShardWriter writer({.folder = dir / "set", .prefix = "train"});
  EXPECT_EQ(writer.name(12), "train-000012.tar");
  EXPECT_EQ(writer.name(1'234'567), "train-1234567.tar");
  const std::vector<ShardSample> samples = {sample_of("0001", {{"jpg", std::string(3000, 'j')}, {"txt", "a caption"}}),
                                            sample_of("v1.0/caf\xC3\xA9", {{"seg.png", ""}, {"json", "{}"}})};
  const ShardRecord record = writer.write(3, each_of(samples));
  const auto path = dir / "set/train-000003.tar";
  EXPECT_EQ(record.name, "train-000003.tar");
  EXPECT_EQ(record.samples, 2);
  EXPECT_EQ(record.bytes, std::filesystem::file_size(path));
  EXPECT_EQ(record.sha256, sha256_file(path));
  ShardReader reader(path.string());
  ShardSample sample;
  for (const auto& expected : samples) {
    ASSERT_TRUE(reader.next(sample));
    EXPECT_EQ(sample.key, expected.key);
    EXPECT_EQ(sample.files, expected.files);
  }
  EXPECT_FALSE(reader.next(sample));
  EXPECT_TRUE(reader.archive().has_end_mark());
}

TEST(ShardWriter, ThreadsChangeNothing) {
  const TempDir dir;
  const auto write = [&](const std::string& folder, int threads) {
    const ShardWriter writer({.folder = dir / folder});
    std::vector<ShardRecord> records(8);
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        for (int64_t i = t; i < 8; i += threads)
          records[static_cast<size_t>(i)] =
              writer.write(i, each_of({sample_of(std::to_string(i), {{"txt", std::string(static_cast<size_t>(i) * 500, 'x')}})}));
      });
    }
    for (auto& worker : workers) worker.join();
    std::reverse(records.begin(), records.end());
    write_sizes(dir / folder, records);
    return read_file(dir / folder / "index.json");
  };
  EXPECT_EQ(write("one", 1), write("four", 4));
}

TEST(ShardWriter, SizesAndIndex) {
  const TempDir dir;
  write_sizes(dir.path(), {{"b.tar", 2, 20, "bb"}, {"a.tar", 1, 10, "aa"}});
  EXPECT_EQ(read_file(dir / "sizes.json"), "{\n \"a.tar\": 1,\n \"b.tar\": 2\n}\n");
  EXPECT_EQ(nlohmann::json::parse(read_file(dir / "index.json")), nlohmann::json::parse(R"({"format": 1, "shards": [
      {"name": "a.tar", "samples": 1, "bytes": 10, "sha256": "aa"}, {"name": "b.tar", "samples": 2, "bytes": 20, "sha256": "bb"}]})"));
  EXPECT_EQ(recorded_sizes({(dir / "b.tar").string(), (dir / "a.tar").string()}), (std::vector<std::optional<int64_t>>{2, 1}));
}

TEST(ShardWriter, WhatCouldNotBeReadBackIsRefused) {
  const TempDir dir;
  const ShardWriter writer({.folder = dir.path()});
  const auto refused = [&](std::vector<ShardSample> samples, const std::string& part) {
    test::expect_error([&] { writer.write(0, each_of(samples)); }, ExitCode::kFailed,
                       {(dir / "shard-000000.tar").string(), part});
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  };
  for (const char* key : {"", "a.b", ".hidden", "dir/", "__meta__"})
    refused({sample_of(key, {{"txt", ""}})}, "cannot be called '" + std::string(key) + "'");
  for (const char* extension : {"JPG", "a/b", "/", "a.b/c"})
    refused({sample_of("a", {{extension, ""}})}, "'" + std::string(extension) + "'");
  refused({sample_of("a", {})}, "no files");
  std::vector<std::pair<std::string, std::string>> many;
  for (int64_t i = 0; i <= kMaxSampleFiles; ++i) many.emplace_back(std::to_string(i), "");
  refused({sample_of("a", many)}, "more than 1000 files");
  const auto large = [](ShardSample& sample) {
    sample.key = "a";
    sample.files.resize(1);
    sample.files[0] = {"txt", std::string(kMaxSampleBytes, 'x')};
    return true;
  };
  test::expect_error([&] { writer.write(0, large); }, ExitCode::kFailed, {"shard-000000.tar", "'a' has more than the 512 MiB"});
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  refused({sample_of("a", {{"txt", ""}, {"jpg", ""}, {"txt", ""}})}, "two files 'txt'");
  refused({sample_of("a", {{"txt", ""}}), sample_of("b", {{"txt", ""}}), sample_of("a", {{"jpg", ""}})},
          "two samples have the key 'a'");
}

TEST(ShardWriter, LayoutsThatMakeNoSense) {
  const TempDir dir;
  for (const char* prefix : {"", "a/b"})
    test::expect_error([&] { ShardWriter({.folder = dir.path(), .prefix = prefix}); }, ExitCode::kFailed, {"prefix"});
  test::expect_error([&] { ShardWriter({.folder = dir.path(), .max_samples = 0}); }, ExitCode::kFailed, {"one sample"});
  test::expect_error([&] { ShardWriter({.folder = dir.write("file", "") / "set"}); }, ExitCode::kFailed,
                     {(dir / "file/set").string()});
}

}  // namespace
}  // namespace fsc
