// Every finding on a shard made for it, and none on a good one.
#include "fsc/shards/shard_check.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "fsc/core/digest.h"
#include "shards/http_server.h"
#include "shards/tar_bytes.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::tar_bytes;
using test::TarPart;
using test::TempDir;
using Words = std::vector<std::string>;

std::vector<TarPart> named(const Words& names) {
  std::vector<TarPart> parts;
  for (const auto& name : names) parts.push_back({.name = name, .data = "data"});
  return parts;
}

class ShardCheckTest : public testing::Test {
 protected:
  ShardCheck check(const std::string& bytes) { return check_shard(dir_.write("set/a.tar", bytes).string(), options_); }
  /// The one finding of a shard.
  ShardFinding finding(const std::string& bytes, ShardProblem problem) {
    const ShardCheck result = check(bytes);
    EXPECT_EQ(result.findings.size(), 1u);
    if (result.findings.empty()) return {};
    EXPECT_STREQ(problem_name(result.findings[0].problem), problem_name(problem));
    return result.findings[0];
  }
  TempDir dir_;
  ShardCheckOptions options_ = {.image_extensions = {"jpg", "png"}, .caption_extensions = {"txt"}, .max_examples = 2};
};

TEST_F(ShardCheckTest, AGoodShard) {
  const std::string bytes = tar_bytes(named({"a.jpg", "a.txt", "b.png", "b.txt", "b.json"}));
  const ShardCheck result = check(bytes);
  EXPECT_TRUE(result.findings.empty());
  EXPECT_EQ(result.name, "a.tar");
  EXPECT_EQ(result.samples, 2);
  EXPECT_EQ(result.last_key, "b");
  EXPECT_EQ(result.extensions, (std::map<std::string, int64_t>{{"jpg", 1}, {"json", 1}, {"png", 1}, {"txt", 2}}));
  EXPECT_EQ(result.bytes, bytes.size() - 512);
}

TEST_F(ShardCheckTest, Truncated) {
  const std::string bytes = tar_bytes(named({"a.jpg", "a.txt", "b.jpg", "b.txt", "c.jpg", "c.txt"})).substr(0, 5000);
  const auto found = finding(bytes, ShardProblem::kTruncated);
  EXPECT_EQ(found.count, 1);
  EXPECT_NE(found.message.find("byte 5000; the last whole sample is b;"), std::string::npos) << found.message;
  EXPECT_NE(finding("", ShardProblem::kTruncated).message.find("byte 0; there is no whole sample"), std::string::npos);
}

TEST_F(ShardCheckTest, EndsOfArchives) {
  const std::string one = tar_bytes(named({"a.jpg", "a.txt"}), "");
  EXPECT_NE(finding(one, ShardProblem::kNoEndMark).message.find("byte 2048"), std::string::npos);
  EXPECT_NE(finding(one + test::kTarEnd + one + test::kTarEnd, ShardProblem::kTrailingData).message.find("byte 2560"),
            std::string::npos);
}

TEST_F(ShardCheckTest, Interleaved) {
  options_.caption_extensions.clear();
  options_.image_extensions.clear();
  const auto found =
      finding(tar_bytes(named({"a.jpg", "b.jpg", "c.jpg", "a.txt", "b.txt", "c.txt"})), ShardProblem::kInterleaved);
  EXPECT_EQ(found.count, 3);
  EXPECT_EQ(found.examples, (Words{"a", "b"}));
}

TEST_F(ShardCheckTest, Duplicates) {
  const auto found = finding(tar_bytes(named({"a.jpg", "a.txt", "b.jpg", "b.txt", "a.jpg", "a.txt"})), ShardProblem::kDuplicate);
  EXPECT_EQ(found.count, 1);
  EXPECT_EQ(found.examples, Words{"a"});
}

TEST_F(ShardCheckTest, SamplesThatLackSomethingSayWhatTheyHave) {
  auto found = finding(tar_bytes(named({"a.jpg", "a.caption", "b.jpg", "b.txt", "c.jpg", "c.json", "c.caption", "d.jpg"})),
                       ShardProblem::kNoCaption);
  EXPECT_EQ(found.count, 3);
  EXPECT_EQ(found.examples, (Words{"a (has jpg, caption)", "c (has jpg, json, caption)"}));
  EXPECT_NE(found.message.find("txt"), std::string::npos);
  found = finding(tar_bytes(named({"a.jpeg", "a.txt"})), ShardProblem::kNoImage);
  EXPECT_EQ(found.examples, Words{"a (has jpeg, txt)"});
  EXPECT_NE(found.message.find("jpg, png"), std::string::npos);
}

TEST_F(ShardCheckTest, Links) {
  auto parts = named({"a.jpg", "a.txt", "b.jpg", "b.txt"});
  parts.push_back({.name = "b.png", .type = '1'});
  EXPECT_EQ(finding(tar_bytes(parts), ShardProblem::kLinks).count, 1);
}

TEST_F(ShardCheckTest, Oversized) {
  auto parts = named({"a.jpg", "a.txt"});
  for (int i = 0; i < 1200; ++i) parts.push_back({.name = "img." + std::to_string(i)});
  const std::string bytes = tar_bytes(parts);
  const auto found = finding(bytes, ShardProblem::kOversized);
  EXPECT_EQ(found.count, 1);
  EXPECT_EQ(found.examples, Words{"img"});
  EXPECT_NE(found.message.find("more than 1000 files"), std::string::npos) << found.message;
  Words visited;
  const auto visit = [&](const ShardSample& sample) { visited.push_back(sample.key); };
  EXPECT_EQ(check_shard(dir_.write("a.tar", bytes).string(), options_, visit).samples, 2);
  EXPECT_EQ(visited, Words{"a"});
}

TEST_F(ShardCheckTest, ADigestIsOfEveryByte) {
  auto parts = named({"a.jpg", "a.txt", "noext", "b.jpg", "b.txt"});
  parts.insert(parts.begin(), {.name = "folder/", .type = '5'});
  const std::string whole = tar_bytes(parts) + std::string(100'000, '\0') + "behind the end mark";
  const test::HttpServer server([&](test::HttpRequest& request) { request.answer_file(whole, 3000); });
  options_.digest = true;
  options_.stream = {.retries = 1, .first_pause = 0.01, .timeout_seconds = 5};
  for (const std::string& bytes : {whole, whole.substr(0, 3333), std::string()}) {
    const ShardCheck result = check(bytes);
    EXPECT_EQ(result.sha256, sha256_hex(bytes));
    EXPECT_EQ(result.all_bytes, bytes.size());
  }
  EXPECT_EQ(check_shard(server.url("/a.tar"), options_, [](const ShardSample&) {}).sha256, sha256_hex(whole));
  parts[2].sum = TarPart::Sum::kWrong;
  const ShardCheck damaged = check(tar_bytes(parts));
  EXPECT_EQ(damaged.sha256, sha256_hex(tar_bytes(parts))) << "of a damaged shard too";
  EXPECT_EQ(damaged.findings.size(), 1u);
  EXPECT_EQ(check_shard((dir_ / "none.tar").string(), options_).sha256, "");
  options_.digest = false;
  EXPECT_EQ(check(whole).sha256, "");
}

TEST_F(ShardCheckTest, Unreadable) {
  auto parts = named({"a.jpg", "a.txt", "b.jpg", "b.txt", "c.jpg"});
  parts[4].sum = TarPart::Sum::kWrong;
  const auto found = finding(tar_bytes(parts), ShardProblem::kUnreadable);
  EXPECT_NE(found.message.find("byte 4096"), std::string::npos) << found.message;
  const ShardCheck missing = check_shard((dir_ / "none.tar").string(), options_);
  ASSERT_EQ(missing.findings.size(), 1u);
  EXPECT_EQ(missing.findings[0].problem, ShardProblem::kUnreadable);
}

TEST_F(ShardCheckTest, SeveralAtOnceInOrder) {
  const ShardCheck result = check(tar_bytes(named({"a.jpg", "b.txt", "a.gif", "b.txt", "c.txt", "d.txt"})).substr(0, 6000));
  Words problems;
  for (const auto& found : result.findings)
    problems.push_back(std::string(problem_name(found.problem)) + " " + std::to_string(found.count));
  EXPECT_EQ(problems, (Words{"truncated 1", "duplicate 1", "interleaved 1", "no_image 4", "no_caption 2"}));
  EXPECT_EQ(result.samples, 5);
}

TEST_F(ShardCheckTest, VisitorsSeeTheDataOfEverySample) {
  const std::string path = dir_.write("a.tar", tar_bytes(named({"a.jpg", "a.txt", "b.txt"}))).string();
  Words keys;
  const auto visit = [&](const ShardSample& sample) {
    keys.push_back(sample.key);
    for (const auto& file : sample.files) EXPECT_EQ(file.second, "data");
  };
  EXPECT_EQ(check_shard(path, options_, visit).samples, 2);
  EXPECT_EQ(keys, (Words{"a", "b"}));
  EXPECT_THROW(check_shard(path, options_, [](const ShardSample&) { throw std::runtime_error("mine"); }), std::runtime_error);
}

TEST_F(ShardCheckTest, AStopIsNoFinding) {
  std::stop_source stop;
  stop.request_stop();
  options_.stream.stop = stop.get_token();
  test::expect_error([&] { check_shard("pipe:cat /dev/zero", options_); }, ExitCode::kFailed, {"stopped"});
}

}  // namespace
}  // namespace fsc
