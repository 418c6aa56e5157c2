// Tables into shards: the same bytes whatever the threads, read back as samples; and what a check finds in them.
#include "fsc/data/pack.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fsc/core/error.h"
#include "fsc/data/check.h"
#include "fsc/shards/shard_reader.h"
#include "fsc/shards/tar_writer.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::expect_error;
using test::read_all;
using test::TempDir;

class Pack : public testing::Test {
 protected:
  /// Five captions an image.
  PackOptions options(int images, const std::string& out) {
    static const char* names[] = {"rgb420.jpg", "rgb.png", "lossy.webp"};
    std::string text = "filepath\ttitle\tneg\n";
    for (int i = 0; i < images; ++i) {
      const std::string name = std::to_string(i) + (i % 3 == 0 ? ".jpg" : i % 3 == 1 ? ".png" : ".webp");
      dir_.write(name, read_all(std::string(FSC_TEST_DATA "/images/") + names[i % 3]));
      for (int k = 0; k < 5; ++k)
        text += name + "\timage " + std::to_string(i) + " caption " + std::to_string(k) + "\t['not it', None]\n";
    }
    PackOptions pack;
    pack.source.path = dir_.write("t.tsv", text);
    pack.source.captions = CaptionChoice::kOne;
    pack.output = dir_ / out;
    pack.samples_per_shard = 4;
    return pack;
  }
  static std::vector<ShardSample> samples(const fs::path& shard) {
    std::vector<ShardSample> all;
    ShardReader reader(shard.string());
    for (ShardSample sample; reader.next(sample);) all.push_back(sample);
    return all;
  }
  TempDir dir_;
};

TEST_F(Pack, ASampleAnImageWithAllItsCaptions) {
  const PackReport report = pack_shards(options(10, "out"));
  EXPECT_EQ(report.shards, 3);
  EXPECT_EQ(report.samples, 10);
  EXPECT_TRUE(report.skipped.empty());
  const auto first = samples(dir_ / "out/shard-000000.tar");
  ASSERT_EQ(first.size(), 4u);
  EXPECT_EQ(first[1].key, "000000001");
  ASSERT_NE(first[1].find("png"), nullptr);
  EXPECT_EQ(*first[1].find("png"), read_all(FSC_TEST_DATA "/images/rgb.png"));
  EXPECT_EQ(*first[1].find("txt"), "image 1 caption 0");
  EXPECT_NE(first[1].find("json")->find("image 1 caption 4"), std::string::npos);
  EXPECT_NE(read_all(dir_ / "out/sizes.json").find("\"shard-000002.tar\": 2"), std::string::npos);
  EXPECT_TRUE(fs::exists(dir_ / "out/index.json"));
}

TEST_F(Pack, TheSameBytesWhateverTheThreads) {
  auto one = options(10, "one");
  one.threads = 1;
  one.shuffle = true;
  auto many = one;
  many.output = dir_ / "many";
  many.threads = 7;
  pack_shards(one);
  pack_shards(many);
  EXPECT_EQ(std::distance(fs::directory_iterator(one.output), {}), 3 + 2) << "shards, sizes.json, index.json";
  for (const auto& entry : fs::directory_iterator(one.output))
    EXPECT_TRUE(read_all(entry.path()) == read_all(many.output / entry.path().filename())) << entry.path();
}

TEST_F(Pack, CaptionsWithTheirNegatives) {
  auto pack = options(2, "out");
  pack.source.captions = CaptionChoice::kAll;
  pack.negative_column = "neg";
  EXPECT_EQ(pack_shards(pack).samples, 10);
  EXPECT_NE(samples(dir_ / "out/shard-000000.tar")[0].find("json")->find(R"("neg":["not it",null])"), std::string::npos);
  pack.source.captions = CaptionChoice::kOne;
  expect_error([&] { pack_shards(pack); }, ExitCode::kUsage, {"captions: all"});
}

TEST_F(Pack, WhatCannotBePackedIsLeftOutAndNamed) {
  auto pack = options(6, "out");
  fs::remove(dir_ / "2.webp");
  dir_.write("3.jpg", "no image");
  const PackReport report = pack_shards(pack);
  EXPECT_EQ(report.samples, 4);
  ASSERT_EQ(report.skipped.size(), 2u);
  EXPECT_NE(report.skipped[0].find("2.webp"), std::string::npos);
  EXPECT_NE(report.skipped[1].find("3.jpg: is not a JPEG, PNG or WebP image"), std::string::npos);
}

TEST_F(Pack, Mistakes) {
  auto pack = options(2, "out");
  pack_shards(pack);
  expect_error([&] { pack_shards(pack); }, ExitCode::kFailed, {"holds shards already", "shard-000000.tar"});
  pack.output = dir_ / "other";
  fs::remove(dir_ / "0.jpg");
  fs::remove(dir_ / "1.png");
  expect_error([&] { pack_shards(pack); }, ExitCode::kFailed, {"none of the 2 samples", "0.jpg"});
}

class Check : public Pack {
 protected:
  CheckReport check(const std::string& path, const std::string& key = "json:captions", bool decode = true) {
    CheckOptions options;
    options.decode = decode;
    options.source.format = SourceFormat::kWebdataset;
    options.source.path = path;
    options.source.caption_key = {key};
    options.write_sizes = true;
    return check_data(options);
  }
};

TEST_F(Check, WholeShardsAreFine) {
  pack_shards(options(3, "out"));
  fs::remove(dir_ / "out/sizes.json");
  const CheckReport report = check((dir_ / "out/*.tar").string());
  EXPECT_TRUE(report.problems.empty());
  EXPECT_TRUE(report.notes.empty());
  EXPECT_EQ(report.captions, 15);
  EXPECT_TRUE(report.sizes_written);
  EXPECT_TRUE(fs::exists(dir_ / "out/sizes.json"));
}

TEST_F(Check, ShardsAreComparedWithIndexJson) {
  pack_shards(options(10, "out"));
  const std::string shards = (dir_ / "out/*.tar").string(), index = read_all(dir_ / "out/index.json");
  const auto kinds = [](const CheckReport& report) {
    std::vector<std::string> names;
    for (const auto& [name, finding] : report.problems) names.push_back(name + " " + std::to_string(finding.count));
    for (const auto& [name, finding] : report.notes)
      if (name.find("twice") == std::string::npos) names.push_back(name + " " + std::to_string(finding.count));
    return names;
  };
  EXPECT_EQ(kinds(check(shards)), std::vector<std::string>{});

  // One byte of an image's data, which no other check looks at.
  std::fstream file(dir_ / "out/shard-000001.tar", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(512 + 700);
  const int before = file.peek();
  file.put(static_cast<char>(before ^ 1));
  file.close();
  CheckReport report = check(shards, "json:captions", false);
  const std::string kind = "shard that is not the one index.json was written for";
  EXPECT_EQ(kinds(report), std::vector<std::string>{kind + " 1"});
  ASSERT_EQ(report.problems.count(kind), 1u);
  const std::string example = report.problems.at(kind).examples.at(0);
  EXPECT_EQ(example.rfind("shard-000001.tar has SHA-256 ", 0), 0u) << example;
  EXPECT_NE(example.find("delete index.json"), std::string::npos) << example;
  EXPECT_FALSE(check(shards).sizes_written) << "what contradicts it does not take its place";
  EXPECT_EQ(read_all(dir_ / "out/index.json"), index);

  fs::resize_file(dir_ / "out/shard-000002.tar", 1024);
  report = check((dir_ / "out/shard-000002.tar").string(), "json:captions", false);
  ASSERT_EQ(report.problems.count(kind), 1u);
  EXPECT_NE(report.problems.at(kind).examples.at(0).find("has 1024 bytes, not "), std::string::npos);

  fs::copy_file(dir_ / "out/shard-000000.tar", dir_ / "out/new.tar");
  EXPECT_EQ(kinds(check((dir_ / "out/new.tar").string(), "json:captions", false)),
            std::vector<std::string>{"shard that index.json does not name 1"});
  fs::remove(dir_ / "out/index.json");
  EXPECT_EQ(kinds(check((dir_ / "out/shard-000001.tar").string(), "json:captions", false)), std::vector<std::string>{});
  dir_.write("out/index.json", "{}");
  expect_error([&] { check(shards); }, ExitCode::kFailed, {"index.json", "is no list of shards"});
}

TEST_F(Check, FindsWhatIsWrong) {
  {
    TarWriter tar(dir_ / "bad.tar");
    tar.add("a.jpg", read_all(FSC_TEST_DATA "/images/rgb420.jpg"));
    tar.add("a.txt", "a dog");
    tar.add("b.jpg", read_all(FSC_TEST_DATA "/images/rgb420.jpg"));
    tar.add("b.txt", "A dog.");
    tar.add("c.jpg", "broken");
    tar.add("c.txt", "  ");
    tar.add("d.txt", "no image");
    tar.add("e.jpg", read_all(FSC_TEST_DATA "/images/rgb420.jpg"));
    tar.add("e.cls", "4");
    tar.add("a.json", "{}");
    tar.finish();
  }
  const CheckReport report = check(dir_ / "bad.tar", "txt");
  const auto count = [&](const std::map<std::string, Finding>& findings, const char* name) {
    return findings.count(name) ? findings.at(name).count : 0;
  };
  EXPECT_EQ(count(report.problems, "image that cannot be decoded"), 1);
  EXPECT_EQ(count(report.problems, "empty caption"), 1);
  EXPECT_EQ(count(report.problems, "sample without a caption under txt"), 2);
  EXPECT_EQ(count(report.problems, "sample without an image"), 2);
  EXPECT_GE(count(report.problems, "archive: interleaved"), 1);
  EXPECT_EQ(count(report.notes, "image that is there twice"), 2);
  EXPECT_EQ(count(report.notes, "caption that is there twice"), 1) << "case, blanks and final marks aside";
  const auto lines = report_lines(report);
  const std::string all = [&] {
    std::string text;
    for (const auto& line : lines) text += line + "\n";
    return text;
  }();
  EXPECT_NE(all.find("bad.tar/e has: jpg, cls"), std::string::npos) << all;
}

}  // namespace
}  // namespace fsc
