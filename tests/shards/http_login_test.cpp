// Private servers: who gets the token or the password, over what, and that nobody else does; https that stays https.
#include "shards/detail_http_login.h"

#include <gtest/gtest.h>

#include <optional>

#include "fsc/shards/byte_stream.h"
#include "shards/http_server.h"
#include "shards/https_front.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

using test::HttpRequest;
using test::HttpServer;
using test::ScopedEnv;

constexpr const char* kToken = "s3cret-Token.~+/=";

/// No login from outside, unless a test sets one.
class HttpLoginTest : public testing::Test {
 protected:
  /// The value of the request's Authorization header, "" without one.
  static std::string authorization(const std::string& head) {
    const std::string name = "\r\nAuthorization: ";
    const size_t at = head.find(name);
    return at == std::string::npos ? "" : head.substr(at + name.size(), head.find('\r', at + 2) - at - name.size());
  }
  static std::string message_of(const std::string& url) {
    try {
      read_all(url, kQuick);
      ADD_FAILURE() << url << " was read";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("s3cret"), std::string::npos) << error.what();
      return error.what();
    }
    return "";
  }

  static inline const StreamOptions kQuick = {.retries = 0, .first_pause = 0.01, .timeout_seconds = 5};
  static inline const std::string kBearer = std::string("Bearer ") + kToken;
  test::TempDir dir_;
  ScopedEnv home_{"HOME", dir_.path().string()};
  ScopedEnv no_token_{detail::kTokenVariable, std::nullopt}, no_hosts_{detail::kHostsVariable, std::nullopt};
};

TEST_F(HttpLoginTest, WhichUrlsGetTheToken) {
  const auto sent = [](const std::string& url) { return !detail::find_login(url).bearer.empty(); };
  EXPECT_FALSE(sent("https://host/a.tar"));
  EXPECT_FALSE(detail::find_login("https://host/a.tar").withheld) << "there is none";
  const ScopedEnv token(detail::kTokenVariable, kToken);
  for (const char* url : {"https://host/a.tar", "https://host:8443/a.tar?x=http://b", "http://127.0.0.1:80/a",
                          "http://127.9.9.9/a", "http://localhost/a", "http://LocalHost/a", "http://[::1]:80/a"}) {
    EXPECT_TRUE(sent(url)) << url;
    EXPECT_EQ(detail::find_login(url).bearer, kToken);
  }
  for (const char* url :
       {"http://host/a.tar", "http://128.0.0.1/a", "http://localhost.example/a", "http://127.0.0.1.example/a",
        "http://example/localhost", "http://localhost@example/a", "http://[::2]/a", "https://me:word@host/a.tar", "https:///"}) {
    EXPECT_FALSE(sent(url)) << url;
    EXPECT_TRUE(detail::find_login(url).withheld) << url;
  }
  const ScopedEnv hosts(detail::kHostsVariable, "one.example, Two.example");
  EXPECT_TRUE(sent("https://one.example/a") && sent("https://two.example:9/a"));
  for (const char* url : {"https://example/a", "https://one.example.org/a", "https://evil-one.example/a", "http://one.example/a"})
    EXPECT_FALSE(sent(url)) << url;
}

TEST_F(HttpLoginTest, TokensThatAreNoneAreRefusedUnseen) {
  for (const char* bad : {"s3cret\r\nX-Evil: 1", "s3cret word", "s3cret\n", "s3cr\xC3\xA9t"}) {
    const ScopedEnv token(detail::kTokenVariable, bad);
    try {
      open_stream("https://host/a.tar");
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      EXPECT_EQ(std::string(error.what()).find("s3cr"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("FSC_HTTP_BEARER_TOKEN"), std::string::npos);
    }
  }
}

TEST_F(HttpLoginTest, ATokenIsNotSentToWhereARedirectLeads) {
  const HttpServer other([](HttpRequest& request) { request.answer("200 OK", "data"); });
  const HttpServer server([&](HttpRequest& request) {
    if (request.path == "/port") return request.answer("302 Found", "", "Location: " + other.url("/b.tar") + "\r\n");
    if (request.path == "/name") return request.answer("302 Found", "", "Location: " + other.url("/b.tar", "localhost") + "\r\n");
    if (request.path == "/here") return request.answer("302 Found", "", "Location: /b.tar\r\n");
    request.answer("200 OK", "data");
  });
  dir_.write(".netrc", "machine localhost login me password hidden\nmachine 127.0.0.1 login me password hidden\n");
  const ScopedEnv token(detail::kTokenVariable, kToken);
  for (const char* path : {"/port", "/name", "/here"}) EXPECT_EQ(read_all(server.url(path), kQuick), "data");
  ASSERT_EQ(server.requests().size(), 4u);
  for (const auto& head : server.requests()) EXPECT_EQ(authorization(head), kBearer) << head;
  ASSERT_EQ(other.requests().size(), 2u);
  for (const auto& head : other.requests()) EXPECT_EQ(head.find("s3cret"), std::string::npos) << head;
}

TEST_F(HttpLoginTest, ATokenInTheClearPassesNoProxy) {
  const HttpServer proxy([](HttpRequest& request) { request.answer("200 OK", "of the proxy"); });
  const HttpServer server([](HttpRequest& request) { request.answer("200 OK", "data"); });
  const ScopedEnv through("http_proxy", proxy.url("")), everywhere("no_proxy", ""), token(detail::kTokenVariable, kToken);
  EXPECT_EQ(read_all(server.url("/a.tar"), kQuick), "data");
  EXPECT_TRUE(proxy.requests().empty());
}

TEST_F(HttpLoginTest, RefusalsSayWhatMayBeMissing) {
  const HttpServer server([](HttpRequest& request) { request.answer(request.path.substr(1, 3) + " No", ""); });
  for (const char* status : {"/401", "/403", "/404"}) {
    const std::string message = message_of(server.url(status));
    EXPECT_NE(message.find("~/.netrc"), std::string::npos) << message;
    EXPECT_NE(message.find("FSC_HTTP_BEARER_TOKEN"), std::string::npos) << message;
  }
  const ScopedEnv token(detail::kTokenVariable, kToken);
  EXPECT_NE(message_of(server.url("/401")).find("was sent"), std::string::npos);
  std::string with_user = server.url("/401");
  with_user.insert(7, "me:s3cret@");
  EXPECT_NE(message_of(with_user).find("was not sent"), std::string::npos);
  EXPECT_EQ(authorization(server.requests().back()).rfind("Basic ", 0), 0u);
}

TEST_F(HttpLoginTest, NetrcIsLookedAt) {
  const HttpServer server([](HttpRequest& request) { request.answer("200 OK", "data"); });
  EXPECT_EQ(read_all(server.url("/a.tar"), kQuick), "data") << "there need not be one";
  dir_.write(".netrc", "machine elsewhere login x password y\nmachine 127.0.0.1 login me password hidden\n");
  EXPECT_EQ(read_all(server.url("/a.tar"), kQuick), "data");
  std::string with_user = server.url("/a.tar");
  with_user.insert(7, "you:other@");
  EXPECT_EQ(read_all(with_user, kQuick), "data");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(authorization(requests[0]), "");
  EXPECT_EQ(authorization(requests[1]), "Basic bWU6aGlkZGVu");
  EXPECT_EQ(authorization(requests[2]), "Basic eW91Om90aGVy") << "the URL's user comes first";
}

class HttpsTest : public HttpLoginTest {
 protected:
  HttpsTest() { certificate_.write(dir_ / "certificate.pem"); }
  test::Certificate certificate_;
  ScopedEnv trusted_{"CURL_CA_BUNDLE", (dir_ / "certificate.pem").string()};
};

TEST_F(HttpsTest, HttpsIsNeverRedirectedToHttp) {
  const HttpServer plain([](HttpRequest& request) { request.answer("200 OK", "in the clear"); });
  std::string safe_url;
  const HttpServer server([&](HttpRequest& request) {
    if (request.path == "/plain") return request.answer("301 Moved", "", "Location: " + plain.url("/b.tar") + "\r\n");
    if (request.path == "/safe") return request.answer("301 Moved", "", "Location: " + safe_url + "\r\n");
    request.answer("200 OK", "data");
  });
  const test::HttpsFront front(server, certificate_);
  safe_url = front.url("/a.tar", "localhost");
  EXPECT_EQ(read_all(front.url("/a.tar"), kQuick), "data");
  EXPECT_EQ(read_all(front.url("/safe"), kQuick), "data") << "https to https";
  EXPECT_EQ(read_all(server.url("/safe"), kQuick), "data") << "http to https";
  const std::string message = message_of(front.url("/plain"));
  for (const std::string& part : {front.url("/plain"), std::string("redirects to something else than https")})
    EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_TRUE(plain.requests().empty());
  EXPECT_EQ(read_all(server.url("/plain"), kQuick), "in the clear") << "http to http";
}

TEST_F(HttpsTest, ATokenGoesOverHttpsToItsHostOnly) {
  std::string other_url;
  const HttpServer server([&](HttpRequest& request) {
    if (request.path == "/other") return request.answer("302 Found", "", "Location: " + other_url + "\r\n");
    request.answer("200 OK", "data");
  });
  const test::HttpsFront front(server, certificate_);
  other_url = front.url("/b.tar", "localhost");
  dir_.write(".netrc", "default login me password hidden\n");
  const ScopedEnv token(detail::kTokenVariable, kToken);
  EXPECT_EQ(read_all(front.url("/a.tar"), kQuick), "data");
  EXPECT_EQ(read_all(front.url("/other"), kQuick), "data");
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(authorization(requests[0]), kBearer);
  EXPECT_EQ(authorization(requests[1]), kBearer);
  EXPECT_EQ(requests[2].find("s3cret"), std::string::npos) << requests[2];
}

}  // namespace
}  // namespace fsc
