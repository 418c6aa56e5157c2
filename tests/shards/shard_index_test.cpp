// sizes.json and index.json of folders and servers, and what is no such file.
#include "fsc/shards/shard_index.h"

#include <gtest/gtest.h>

#include "shards/http_server.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::TempDir;

TEST(RecordedSizes, OfFolders) {
  const TempDir dir;
  dir.write("a/sizes.json", R"({"x.tar": 12, "y.tar": 0})");
  const auto path = [&](const std::string& name) { return (dir / name).string(); };
  const auto sizes =
      recorded_sizes({path("a/x.tar"), path("a/y.tar"), path("a/z.tar"), path("b/x.tar"), "pipe:cat " + path("a/x.tar")});
  EXPECT_EQ(sizes, (std::vector<std::optional<int64_t>>{12, 0, std::nullopt, std::nullopt, std::nullopt}));
}

TEST(RecordedSizes, MistakesInTheFile) {
  const TempDir dir;
  const std::string shard = (dir / "x.tar").string();
  for (const char* text :
       {"", "[1]", "{\"x.tar\": \"1\"}", "{\"x.tar\": -1}", "{\"x.tar\": 1.5}", "{\"x.tar\": null}", "{\"x.tar\": 1",
        "{\"x.tar\": 1000000001}", "{\"x.tar\": -9223372036854775808}", "{\"x.tar\": 9223372036854775808}",
        "{\"x.tar\": 18446744073709551615}", "{\"x.tar\": 18446744073709551616}", "{\"x.tar\": 1e3}"}) {
    dir.write("sizes.json", text);
    test::expect_error([&] { recorded_sizes({shard}); }, ExitCode::kFailed, {(dir / "sizes.json").string(), "expected"});
  }
  dir.write("sizes.json", "{\"x.tar\": 1000000000}");
  EXPECT_EQ(recorded_sizes({shard})[0], kMaxShardSamples);
}

TEST(RecordedSizes, OfServers) {
  const test::HttpServer server([](test::HttpRequest& request) {
    if (request.path == "/a/sizes.json") return request.answer("200 OK", R"({"x.tar": 3})");
    if (request.path == "/locked/sizes.json") return request.answer("403 Forbidden", "");
    if (request.path == "/down/sizes.json") return request.answer("500 Oops", "");
    request.answer("404 Not Found", "");
  });
  const auto sizes =
      recorded_sizes({server.url("/a/x.tar?sig=1"), server.url("/b/x.tar"), server.url("/locked/x.tar"), server.url("/a/y.tar")});
  EXPECT_EQ(sizes, (std::vector<std::optional<int64_t>>{3, std::nullopt, std::nullopt, std::nullopt}));
  EXPECT_EQ(server.requests().size(), 3u);  // one a folder
  test::expect_error([&] { recorded_sizes({server.url("/down/x.tar")}, {.retries = 1, .first_pause = 0.01}); }, ExitCode::kFailed,
                     {server.url("/down/sizes.json"), "500"});
}

const std::string kHash(64, 'a');

/// index.json with one shard whose field `key` is `value`.
std::string index_with(const std::string& key, const std::string& value) {
  std::string text = R"({"format": 1, "shards": [{)";
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"name", "\"x.tar\""}, {"samples", "3"}, {"bytes", "4096"}, {"sha256", "\"" + kHash + "\""}};
  for (const auto& [name, usual] : fields)
    text += (text.ends_with('{') ? "" : ", ") + ("\"" + name + "\": ") + (name == key ? value : usual);
  return text + "}]}";
}

TEST(RecordedShards, OfFoldersAndServers) {
  const TempDir dir;
  dir.write("a/index.json", index_with("", ""));
  const auto path = [&](const std::string& name) { return (dir / name).string(); };
  const test::HttpServer server([](test::HttpRequest& request) {
    if (request.path == "/a/index.json") return request.answer("200 OK", index_with("samples", "7"));
    request.answer("404 Not Found", "");
  });
  const auto found = recorded_shards({path("a/x.tar"), path("a/y.tar"), path("b/x.tar"), "pipe:cat " + path("a/x.tar"),
                                      server.url("/a/x.tar?sig=1"), server.url("/b/x.tar")});
  ASSERT_EQ(found.size(), 6u);
  ASSERT_TRUE(found[0].record);
  EXPECT_EQ(found[0].record->name, "x.tar");
  EXPECT_EQ(found[0].record->samples, 3);
  EXPECT_EQ(found[0].record->bytes, 4096u);
  EXPECT_EQ(found[0].record->sha256, kHash);
  EXPECT_TRUE(found[1].index && !found[1].record) << "an index.json without this shard";
  for (const size_t i : {2, 3, 5}) EXPECT_FALSE(found[i].index || found[i].record) << i;
  ASSERT_TRUE(found[4].record);
  EXPECT_EQ(found[4].record->samples, 7);
}

TEST(RecordedShards, MistakesInTheFile) {
  const TempDir dir;
  const std::string shard = (dir / "x.tar").string();
  const auto refused = [&](const std::string& text, const std::string& part) {
    dir.write("index.json", text);
    test::expect_error([&] { recorded_shards({shard}); }, ExitCode::kFailed, {(dir / "index.json").string(), "expected", part});
  };
  for (const char* text : {"", "[]", "{}", R"({"shards": {}})", R"({"shards": [)"}) refused(text, "no list of shards");
  refused(R"({"shards": []})", "format 1");
  refused(R"({"format": 2, "shards": []})", "format 1");
  refused(R"({"format": 1, "shards": [7]})", "shards[0]");
  for (const char* count : {"-1", "1.5", "null", "\"3\"", "1000000001", "18446744073709551615", "18446744073709551616"})
    refused(index_with("samples", count), "no count");
  for (const char* count : {"-1", "1.5", "null", "9223372036854775808"}) refused(index_with("bytes", count), "no count");
  refused(index_with("bytes", "1e400"), "no list");
  for (const std::string& hash : {std::string("7"), "\"" + std::string(64, 'A') + "\"", "\"" + std::string(63, 'a') + "\""})
    refused(index_with("sha256", hash), "SHA-256");
  refused(index_with("name", "null"), "no name");
  const std::string one = index_with("", ""), entry = one.substr(one.rfind('{'), one.rfind(']') - one.rfind('{'));
  refused(R"({"format": 1, "shards": [)" + entry + "," + entry + "]}", "x.tar twice");
}

}  // namespace
}  // namespace fsc
