// Servers that know ranges or not, refuse, fail, break off, stall, redirect, change files or talk nonsense.
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "fsc/shards/byte_stream.h"
#include "fsc/shards/shard_reader.h"
#include "shards/http_server.h"
#include "shards/tar_bytes.h"
#include "support/expect_error.h"

namespace fsc {
namespace {

using test::HttpRequest;
using test::HttpServer;

const StreamOptions kQuickHttp = {.retries = 3, .first_pause = 0.01, .timeout_seconds = 5};

std::string numbered_bytes(size_t size) {
  std::string bytes;
  for (int i = 0; bytes.size() < size; ++i) bytes += std::to_string(i) + "\n";
  return bytes.substr(0, size);
}

/// read_all must fail with all of `parts` in its message, after `requests` requests.
void expect_failure(HttpServer& server, const std::string& path, size_t requests, const std::vector<std::string>& parts) {
  const size_t before = server.requests().size();
  test::expect_error([&] { read_all(server.url(path), kQuickHttp); }, ExitCode::kFailed, parts);
  EXPECT_EQ(server.requests().size() - before, requests);
}

TEST(HttpStream, GivesWhatTheServerSends) {
  const std::string bytes = numbered_bytes(10'000'000);  // more than may wait in memory
  const HttpServer server([&](HttpRequest& request) { request.answer_file(bytes); });
  EXPECT_TRUE(read_all(server.url("/a.tar"), kQuickHttp) == bytes);
  const auto stream = open_stream(server.url("/a.tar"), kQuickHttp);
  EXPECT_EQ(stream->skip(9'000'001), 9'000'001u);
  std::vector<char> buffer(50);
  const size_t n = stream->read(buffer);
  EXPECT_EQ(std::string(buffer.data(), n), bytes.substr(9'000'001, n));
  EXPECT_EQ(server.requests().size(), 2u);
  EXPECT_EQ(server.requests()[0].find("Range"), std::string::npos);
}

TEST(HttpStream, EmptyFilesAndUnknownLengths) {
  const HttpServer server([](HttpRequest& request) {
    if (request.path == "/empty") return request.answer("200 OK", "");
    if (request.path == "/open") return request.answer("200 OK", "12345", "", "");
    request.answer("200 OK", "3\r\n123\r\n2\r\n45\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n", "");
  });
  EXPECT_EQ(read_all(server.url("/empty"), kQuickHttp), "");
  EXPECT_EQ(read_all(server.url("/open"), kQuickHttp), "12345");
  EXPECT_EQ(read_all(server.url("/chunked"), kQuickHttp), "12345");
}

TEST(HttpStream, RefusalsFailAtOnceWithUrlAndStatus) {
  HttpServer server([](HttpRequest& request) { request.answer(request.path.substr(1, 3) + " No", "an explanation"); });
  for (const char* status : {"404", "403", "410", "400", "401", "416", "451", "304"})
    expect_failure(server, "/" + std::string(status), 1, {server.url("/"), "HTTP " + std::string(status)});
}

TEST(HttpStream, PasswordsAndSignaturesAreNotShown) {
  const HttpServer server([](HttpRequest& request) { request.answer("404 No", ""); });
  std::string url = server.url("/a.tar?sig=secret");
  url.insert(7, "me:hidden@");
  try {
    read_all(url, kQuickHttp);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find("hidden"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("/a.tar"), std::string::npos) << error.what();
  }
  EXPECT_NE(server.requests()[0].find("sig=secret"), std::string::npos);
}

TEST(HttpStream, OverloadIsWaitedOut) {
  for (const char* status : {"500 Oops", "503 Busy", "429 Slow down", "408 Late"}) {
    HttpServer server(
        [&](HttpRequest& request) { request.number < 2 ? request.answer(status, "") : request.answer("200 OK", "data"); });
    EXPECT_EQ(read_all(server.url("/a.tar"), kQuickHttp), "data");
    EXPECT_EQ(server.requests().size(), 3u);
  }
  HttpServer down([](HttpRequest& request) { request.answer("502 Bad Gateway", ""); });
  expect_failure(down, "/a.tar", 4, {down.url("/a.tar"), "HTTP 502", "try 4 of 4"});
}

TEST(HttpStream, NobodyListens) {
  std::string url;
  {
    const HttpServer server([](HttpRequest&) {});
    url = server.url("/a.tar");
  }
  const test::ScopedEnv no_proxy("no_proxy", "127.0.0.1");
  test::expect_error([&] { read_all(url, kQuickHttp); }, ExitCode::kFailed, {url, "try 4 of 4"});
}

TEST(HttpStream, ABrokenConnectionIsReadOnFromWhereItBroke) {
  const std::string bytes = numbered_bytes(500'000);
  const HttpServer server([&](HttpRequest& request) { request.answer_file(bytes, 120'000, "ETag: \"1\"\r\n"); });
  EXPECT_TRUE(read_all(server.url("/a.tar"), {.retries = 1, .first_pause = 0.01}) == bytes);  // each try brings something new
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 5u);
  for (size_t i = 1; i < requests.size(); ++i)
    EXPECT_NE(requests[i].find("Range: bytes=" + std::to_string(120'000 * i) + "-\r\n"), std::string::npos);
}

TEST(HttpStream, AServerWithoutRangesIsReadAgainFromTheFront) {
  const std::string bytes = numbered_bytes(500'000);
  const HttpServer server([&](HttpRequest& request) {
    request.answer("200 OK", bytes.substr(0, request.number == 0 ? 123'456 : bytes.size()), "", "500000");
  });
  EXPECT_TRUE(read_all(server.url("/a.tar"), kQuickHttp) == bytes);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(HttpStream, ABreakAfterTheLastByteOrAtAPartsEnd) {
  const std::string bytes = numbered_bytes(1000);
  const HttpServer server([&](HttpRequest& request) {
    if (request.path == "/parts" && request.range)  // a cache that gives a slice at a time
      return request.answer("206 Partial Content", bytes.substr(*request.range, 300),
                            "Content-Range: bytes " + std::to_string(*request.range) + "-x/1000\r\n");
    if (request.path == "/parts") return request.answer("200 OK", bytes.substr(0, 300), "", "1000");
    if (!request.range)
      return request.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + bytes + "\r\n");  // no last chunk
    request.answer_file(bytes);
  });
  EXPECT_EQ(read_all(server.url("/parts"), kQuickHttp), bytes);
  EXPECT_EQ(read_all(server.url("/end"), kQuickHttp), bytes);
}

TEST(HttpStream, OtherFilesUnderTheSameNameAreNotJoined) {
  const std::string bytes = numbered_bytes(1000);
  HttpServer server([&](HttpRequest& request) {
    if (!request.range) return request.answer_file(bytes, 500, "ETag: \"one\"\r\n");
    if (request.path == "/tag") return request.answer_file(bytes, 500, "ETag: \"two\"\r\n");
    if (request.path == "/size") return request.answer_file(bytes + "more");
    request.answer("206 Partial Content", bytes.substr(600),
                   request.path == "/late" ? "Content-Range: bytes 600-999/1000\r\n" : "");
  });
  expect_failure(server, "/tag", 2, {"changed"});
  expect_failure(server, "/size", 2, {"changed"});
  expect_failure(server, "/late", 2, {"another part"});
  expect_failure(server, "/unsaid", 2, {"another part"});
}

TEST(HttpStream, SilenceCountsAsABreak) {
  const std::string bytes = numbered_bytes(1000);
  const HttpServer server([&](HttpRequest& request) {
    if (request.number == 0) return request.stall();  // not even a head
    request.answer_file(bytes, request.number == 1 ? 400 : SIZE_MAX);
    if (request.number == 1) request.stall();
  });
  EXPECT_EQ(read_all(server.url("/a.tar"), {.retries = 3, .first_pause = 0.01, .timeout_seconds = 0.1}), bytes);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST(HttpStream, ASlowReaderIsNoSilence) {
  const std::string bytes = numbered_bytes(12'000'000);
  const HttpServer server([&](HttpRequest& request) { request.answer_file(bytes); });
  const auto stream = open_stream(server.url("/a.tar"), {.retries = 0, .timeout_seconds = 0.2});
  std::vector<char> buffer(3'000'000);
  std::string read;
  while (const size_t n = stream->read(buffer)) {
    if (read.size() < 7'000'000) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    read.append(buffer.data(), n);
  }
  EXPECT_TRUE(read == bytes);
}

TEST(HttpStream, RedirectsStayOnHttp) {
  HttpServer server([](HttpRequest& request) {
    if (request.path == "/a.tar") return request.answer("302 Found", "moved", "Location: /b.tar\r\n");
    if (request.path == "/loop") return request.answer("302 Found", "", "Location: /loop\r\n");
    if (request.path == "/file") return request.answer("302 Found", "", "Location: file:///etc/passwd\r\n");
    if (request.path == "/nowhere") return request.answer("302 Found", "body");
    request.answer("200 OK", "data");
  });
  EXPECT_EQ(read_all(server.url("/a.tar"), kQuickHttp), "data");
  expect_failure(server, "/loop", 11, {"/loop", "redirects"});
  expect_failure(server, "/file", 1, {"/file", "file"});
  expect_failure(server, "/nowhere", 1, {"302"});
}

TEST(HttpStream, GarbageIsNoAnswer) {
  HttpServer server([](HttpRequest& request) {
    request.send(request.path == "/bytes"  ? std::string("\1\2\3garbage\xFF\xFE", 12)
                 : request.path == "/head" ? "HTTP/1.1 abc\r\n\r\ndata"
                                           : "");
  });
  expect_failure(server, "/bytes", 1, {"/bytes"});
  for (const char* path : {"/head", "/nothing"})
    test::expect_error([&] { read_all(server.url(path), kQuickHttp); }, ExitCode::kFailed, {server.url(path)});
}

TEST(HttpStream, AStopEndsTheWait) {
  const HttpServer server([](HttpRequest& request) { request.stall(); });
  std::stop_source stop;
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  test::expect_error([&] { read_all(server.url("/a.tar"), {.stop = stop.get_token()}); }, ExitCode::kFailed, {"stopped"});
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  stopper.join();
}

TEST(HttpStream, ShardsStreamThroughBreaks) {
  std::vector<test::TarPart> parts;
  for (int i = 0; i < 200; ++i) {
    parts.push_back({.name = std::to_string(i) + ".jpg", .data = numbered_bytes(3000 + static_cast<size_t>(i))});
    parts.push_back({.name = std::to_string(i) + ".txt", .data = "caption " + std::to_string(i)});
  }
  const std::string bytes = test::tar_bytes(parts);
  const HttpServer server([&](HttpRequest& request) { request.answer_file(bytes, 150'000); });
  ShardReader reader(server.url("/a.tar?sig=secret"), kQuickHttp);
  EXPECT_EQ(reader.skip(150), 150);
  ShardSample sample;
  for (int i = 150; i < 200; ++i) {
    ASSERT_TRUE(reader.next(sample));
    EXPECT_EQ(sample.key, std::to_string(i));
    EXPECT_EQ(*sample.find("txt"), "caption " + std::to_string(i));
    EXPECT_EQ(sample.find("jpg")->size(), 3000u + static_cast<size_t>(i));
  }
  EXPECT_FALSE(reader.next(sample));
  EXPECT_FALSE(reader.truncated());
}

}  // namespace
}  // namespace fsc
