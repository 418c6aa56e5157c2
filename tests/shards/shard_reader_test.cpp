// Samples of golden shards by Python's tarfile and webdataset, of shards cut at every byte, and of careless ones.
#include "fsc/shards/shard_reader.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "shards/tar_bytes.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::tar_bytes;
using test::TarPart;
using test::TempDir;

std::vector<ShardSample> read_samples(const std::filesystem::path& path) {
  ShardReader reader(path.string());
  std::vector<ShardSample> samples;
  for (ShardSample sample; reader.next(sample);) samples.push_back(sample);
  return samples;
}

/// "key: extension extension", for short comparisons.
std::vector<std::string> outline(const std::vector<ShardSample>& samples) {
  std::vector<std::string> lines;
  for (const auto& sample : samples) {
    lines.push_back(sample.key + ":");
    for (const auto& file : sample.files) lines.back() += " " + file.first;
  }
  return lines;
}

std::vector<TarPart> named_parts(const std::vector<std::string>& names) {
  std::vector<TarPart> parts;
  for (const auto& name : names) parts.push_back({.name = name, .data = "data of " + name});
  return parts;
}

TEST(ShardReader, GoldenShards) {
  const std::string folder = FSC_TEST_DATA "/shards/";
  const auto contents = nlohmann::json::parse(read_file(folder + "contents.json"));
  ASSERT_GE(contents.size(), 7u);
  for (const auto& [name, expected] : contents.items()) {
    SCOPED_TRACE(name);
    const auto samples = read_samples(folder + name);
    ASSERT_EQ(samples.size(), expected.size());
    for (size_t i = 0; i < samples.size(); ++i) {
      EXPECT_EQ(samples[i].key, expected[i]["key"].get<std::string>());
      EXPECT_EQ(samples[i].index, static_cast<int64_t>(i));
      EXPECT_FALSE(samples[i].interleaved);
      EXPECT_EQ(samples[i].files.size(), expected[i]["files"].size());
      for (const auto& [extension, text] : expected[i]["files"].items()) {
        ASSERT_NE(samples[i].find(extension), nullptr) << extension;
        EXPECT_EQ(*samples[i].find(extension), text.get<std::string>());
      }
      EXPECT_EQ(samples[i].find("none"), nullptr);
    }
    EXPECT_EQ(count_samples(folder + name), static_cast<int64_t>(expected.size()));
    ShardReader reader(folder + name);
    EXPECT_EQ(reader.skip(1), 1);
    ShardSample sample;
    ASSERT_TRUE(reader.next(sample));
    EXPECT_EQ(sample.key, expected[1]["key"].get<std::string>());
    EXPECT_EQ(sample.index, 1);
    EXPECT_FALSE(reader.truncated());
    EXPECT_TRUE(reader.skip(1000) == static_cast<int64_t>(expected.size()) - 2 && !reader.next(sample));
    EXPECT_EQ(reader.interleaved(), 0);
  }
}

TEST(ShardReader, KeysEndAtTheFirstDotOfTheName) {
  using Split = std::pair<std::string, std::string>;
  EXPECT_EQ(split_shard_file("dir/0001.seg.png"), Split("dir/0001", "seg.png"));
  EXPECT_EQ(split_shard_file("./v1.0/0001.JPG"), Split("./v1.0/0001", "jpg"));
  EXPECT_EQ(split_shard_file("0001."), Split("0001", ""));
  EXPECT_EQ(split_shard_file("a__b__.txt"), Split("a__b__", "txt"));
  for (const char* name :
       {"", "noext", "v1.0/noext", ".hidden.jpg", "dir/.hidden.jpg", "._0001.jpg", "__meta__.json", "__meta__/a.json", "dir/"})
    EXPECT_EQ(split_shard_file(name), Split()) << name;
}

TEST(ShardReader, FilesThatBelongToNoSampleArePassedOver) {
  const TempDir dir;
  auto parts = named_parts({"README", "a.jpg", "a", ".hidden.txt", "__note__.txt", "a.txt", "folder/b.txt"});
  parts.insert(parts.begin() + 2, {.name = "folder/", .type = '5'});
  const auto samples = read_samples(dir.write("a.tar", tar_bytes(parts)));
  EXPECT_EQ(outline(samples), (std::vector<std::string>{"a: jpg txt", "folder/b: txt"}));
  EXPECT_EQ(*samples[0].find("txt"), "data of a.txt");
}

TEST(ShardReader, InterleavedFilesAreCountedAndStayApart) {
  const TempDir dir;
  const auto path = dir.write("a.tar", tar_bytes(named_parts({"a.jpg", "b.jpg", "a.txt", "b.txt", "c.jpg", "c.txt"}))).string();
  const auto samples = read_samples(path);
  EXPECT_EQ(outline(samples), (std::vector<std::string>{"a: jpg", "b: jpg", "a: txt", "b: txt", "c: jpg txt"}));
  EXPECT_FALSE(samples[1].interleaved);
  EXPECT_TRUE(samples[2].interleaved && samples[3].interleaved);
  EXPECT_FALSE(samples[4].interleaved);
  ShardReader reader(path);
  EXPECT_EQ(reader.skip(100), 5);
  EXPECT_EQ(reader.interleaved(), 2);
}

TEST(ShardReader, AnExtensionTwiceBeginsANewSample) {
  const TempDir dir;
  const auto samples = read_samples(dir.write("a.tar", tar_bytes(named_parts({"a.jpg", "a.txt", "a.JPG", "a.json"}))));
  EXPECT_EQ(outline(samples), (std::vector<std::string>{"a: jpg txt", "a: jpg json"}));
  EXPECT_EQ(*samples[1].find("jpg"), "data of a.JPG");
  EXPECT_TRUE(samples[1].interleaved);
}

TEST(ShardReader, ASampleOfTooManyFilesIsPassedOver) {
  const TempDir dir;
  auto parts = named_parts({"a.txt"});
  for (int64_t i = 0; i <= kMaxSampleFiles; ++i) parts.push_back({.name = "img." + std::to_string(i) + ".jpg"});
  parts.push_back({.name = "img.0.jpg"});  // an extension that was there: no other sample begins here
  for (int64_t i = 0; i < kMaxSampleFiles; ++i) parts.push_back({.name = "full." + std::to_string(i)});
  parts.push_back({.name = "z.txt", .data = "last"});
  const auto path = dir.write("a.tar", tar_bytes(parts));
  const auto samples = read_samples(path);
  ASSERT_EQ(samples.size(), 4u);
  EXPECT_EQ(samples[1].key, "img");
  EXPECT_TRUE(samples[1].files.empty());
  EXPECT_NE(samples[1].problem.find("more than 1000 files"), std::string::npos) << samples[1].problem;
  EXPECT_NE(samples[1].problem.find("first dot"), std::string::npos) << samples[1].problem;
  EXPECT_EQ(samples[2].files.size(), 1000u);
  EXPECT_EQ(samples[2].problem, "");
  EXPECT_EQ(*samples[3].find("txt"), "last");
  EXPECT_EQ(count_samples(path.string()), 4) << "the same without data";
}

/// Appends a file of `size` bytes, all zero and most of them not on the disk.
void append_hole(const std::filesystem::path& path, const std::string& name, uint64_t size) {
  std::ofstream(path, std::ios::binary | std::ios::app) << test::tar_header({.name = name, .size = test::octal(size, 11)});
  std::filesystem::resize_file(path, std::filesystem::file_size(path) + (size + 511) / 512 * 512);
}

TEST(ShardReader, ASampleOfTooManyBytesIsPassedOver) {
  const TempDir dir;
  const auto path = dir / "a.tar";
  append_hole(path, "a.txt", 5);
  append_hole(path, "b.jpg", kMaxSampleBytes / 2);
  append_hole(path, "b.mp4", kMaxSampleBytes / 2);  // with the names beyond the limit
  append_hole(path, "b.txt", 5);
  append_hole(path, "c.txt", 7);
  append_hole(path, "d.mp4", kMaxSampleBytes + 1);
  append_hole(path, "e.txt", 9);
  std::ofstream(path, std::ios::binary | std::ios::app) << test::kTarEnd;
  const auto samples = read_samples(path);
  EXPECT_EQ(outline(samples), (std::vector<std::string>{"a: txt", "b:", "c: txt", "d:", "e: txt"}));
  for (const size_t i : {1, 3})
    EXPECT_NE(samples[i].problem.find("more than the 512 MiB"), std::string::npos) << samples[i].problem;
  for (const size_t i : {0, 2, 4}) EXPECT_EQ(samples[i].problem, "");
  EXPECT_EQ(*samples[4].find("txt"), std::string(9, '\0'));
  EXPECT_EQ(count_samples(path.string()), 5) << "the same without data";
}

TEST(ShardReader, CutAtEveryByte) {
  const TempDir dir;
  const std::vector<TarPart> parts = {{.name = "a.jpg", .data = std::string(600, 'a')},
                                      {.name = "a.txt", .data = "one"},
                                      {.name = "b.jpg", .data = std::string(512, 'b')},
                                      {.name = "b.txt", .data = "two"},
                                      {.name = "c.txt", .data = "three"}};
  const std::string whole = tar_bytes(parts);
  const size_t a_txt = 1536, b_jpg = 2560, b_txt = 3584, c_txt = 4608, end = 5632;
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    SCOPED_TRACE(cut);
    const auto path = dir / ("cut" + std::to_string(cut));
    std::ofstream(path, std::ios::binary) << whole.substr(0, cut);
    std::vector<std::string> expected;
    if (cut >= b_jpg + 512) expected.push_back("a: jpg txt");  // the next key's header is whole
    if (cut >= c_txt + 512) expected.push_back("b: jpg txt");
    // Cut exactly between two files, which is no sign of a cut: what is there counts as the last sample.
    if (cut == a_txt) expected = {"a: jpg"};
    if (cut == b_jpg) expected = {"a: jpg txt"};
    if (cut == b_txt) expected = {"a: jpg txt", "b: jpg"};
    if (cut == c_txt) expected = {"a: jpg txt", "b: jpg txt"};
    if (cut == end || cut >= end + 512) expected.push_back("c: txt");

    ShardReader reader(path.string());
    std::vector<ShardSample> samples;
    for (ShardSample sample; reader.next(sample);) samples.push_back(sample);
    EXPECT_EQ(outline(samples), expected);
    const bool between = cut == a_txt || cut == b_jpg || cut == b_txt || cut == c_txt || cut == end;
    EXPECT_EQ(reader.truncated(), !between && cut < end + 512);
    EXPECT_EQ(count_samples(path.string()), static_cast<int64_t>(expected.size()));
    std::filesystem::remove(path);
  }
}

TEST(ShardReader, ADamagedHeaderEndsTheShardWithAnError) {
  const TempDir dir;
  auto parts = named_parts({"a.jpg", "b.jpg", "c.jpg"});
  parts[2].sum = TarPart::Sum::kWrong;
  const auto path = dir.write("a.tar", tar_bytes(parts)).string();
  ShardReader reader(path);
  ShardSample sample;
  ASSERT_TRUE(reader.next(sample));
  test::expect_error([&] { reader.next(sample); }, ExitCode::kFailed, {path, "byte 2048", "'b.jpg'"});
  EXPECT_FALSE(reader.next(sample));
}

TEST(ShardReader, WithoutDataAndWithUsedMemory) {
  const TempDir dir;
  const auto path = dir.write("a.tar", tar_bytes(named_parts({"a.jpg", "a.txt", "b.txt"}))).string();
  ShardReader reader(path);
  ShardSample sample;
  sample.files = {{"old", "data"}, {"older", "data"}, {"oldest", "data"}};
  ASSERT_TRUE(reader.next(sample, false));
  EXPECT_EQ(sample.files, (std::vector<std::pair<std::string, std::string>>{{"jpg", ""}, {"txt", ""}}));
  ASSERT_TRUE(reader.next(sample));
  EXPECT_EQ(sample.files, (std::vector<std::pair<std::string, std::string>>{{"txt", "data of b.txt"}}));
  EXPECT_GT(reader.read_seconds(), 0);
  EXPECT_GT(reader.untar_seconds(), 0);
}

TEST(ShardReader, MissingFiles) {
  test::expect_error([] { ShardReader reader("/nowhere/a.tar"); }, ExitCode::kFailed, {"/nowhere/a.tar"});
}

}  // namespace
}  // namespace fsc
