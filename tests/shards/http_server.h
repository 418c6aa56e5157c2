// A server on the loopback interface that behaves as badly as a test asks.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/scoped.h"

namespace fsc::test {

inline sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A listening socket, and the port it got.
inline int listen_on_loopback(int& port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || ::bind(listener, generic, size) != 0 || ::listen(listener, 16) != 0 ||
      ::getsockname(listener, generic, &size) != 0)
    throw std::runtime_error("the test's server cannot start");
  port = ntohs(address.sin_port);
  return listener;
}

inline int connect_to_loopback(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("the test's server is not there");
  return socket;
}

/// One request and the connection to answer it on.
struct HttpRequest {
  int socket = -1;
  const std::atomic<bool>* stopping = nullptr;
  size_t number = 0;  ///< of this request, from 0
  std::string path;
  std::string text;               ///< all of the head
  std::optional<size_t> range{};  ///< N of "Range: bytes=N-"

  /// Sends as they are, as far as the client takes them.
  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  /// Head and body; `length` claims another Content-Length than the body's, "" none.
  void answer(const std::string& status, const std::string& body, const std::string& headers = "",
              std::optional<std::string> length = {}) const {
    const std::string size = length.value_or(std::to_string(body.size()));
    send("HTTP/1.1 " + status + "\r\nConnection: close\r\n" + (size.empty() ? "" : "Content-Length: " + size + "\r\n") + headers +
         "\r\n" + body);
  }
  /// As a server that knows ranges; sends only the first `most` bytes of what it claims.
  void answer_file(const std::string& body, size_t most = SIZE_MAX, const std::string& headers = "") const {
    if (!range) return answer("200 OK", body.substr(0, most), headers, std::to_string(body.size()));
    const std::string rest = body.substr(std::min(*range, body.size()));
    if (rest.empty())
      return answer("416 Range Not Satisfiable", "", "Content-Range: bytes */" + std::to_string(body.size()) + "\r\n" + headers);
    const std::string place = "Content-Range: bytes " + std::to_string(*range) + "-" + std::to_string(body.size() - 1) + "/" +
                              std::to_string(body.size()) + "\r\n";
    answer("206 Partial Content", rest.substr(0, most), place + headers, std::to_string(rest.size()));
  }
  /// Says nothing until the client goes or the test ends.
  void stall() const {
    char byte;
    while (!*stopping && ::recv(socket, &byte, 1, MSG_DONTWAIT) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
};

/// Answers one connection after another on a thread of its own, until it goes out of scope. The last member of who owns it: it is
/// at work from its construction on.
class LoopbackServer {
 public:
  /// Gets the connection, which is closed behind it, and a flag that is set when the server is to end.
  using Answer = std::function<void(int socket, const std::atomic<bool>& stopping)>;
  explicit LoopbackServer(Answer answer) : answer_(std::move(answer)) {
    listener_ = listen_on_loopback(port_);
    thread_ = std::thread([this] { serve(); });
  }
  ~LoopbackServer() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  int port() const { return port_; }
  std::string url(const std::string& scheme, const std::string& host, const std::string& path) const {
    return scheme + "://" + host + ":" + std::to_string(port_) + path;
  }

 private:
  void serve() {
    while (!stopping_) {
      pollfd ready = {listener_, POLLIN, 0};
      if (::poll(&ready, 1, 5) <= 0) continue;
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) continue;
      answer_(socket, stopping_);
      ::close(socket);
    }
  }

  Answer answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

/// Answers one request after another.
class HttpServer {
 public:
  using Handler = std::function<void(HttpRequest&)>;
  explicit HttpServer(Handler handler)
      : handler_(std::move(handler)),
        server_([this](int socket, const std::atomic<bool>& stopping) { answer(socket, stopping); }) {}

  int port() const { return server_.port(); }
  std::string url(const std::string& path, const std::string& host = "127.0.0.1") const {
    return server_.url("http", host, path);
  }
  /// Heads of the requests so far.
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void answer(int socket, const std::atomic<bool>& stopping) {
    HttpRequest request{.socket = socket, .stopping = &stopping, .path = {}, .text = {}};
    if (read_head(request)) handler_(request);
    ::shutdown(socket, SHUT_WR);
  }

  bool read_head(HttpRequest& request) {
    char buffer[4096];
    while (request.text.find("\r\n\r\n") == std::string::npos) {
      pollfd ready = {request.socket, POLLIN, 0};
      if (::poll(&ready, 1, 1000) <= 0) return false;
      const ssize_t n = ::recv(request.socket, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      request.text.append(buffer, static_cast<size_t>(n));
    }
    const size_t begin = request.text.find(' ') + 1;
    request.path = request.text.substr(begin, request.text.find(' ', begin) - begin);
    if (const size_t at = request.text.find("Range: bytes="); at != std::string::npos)
      request.range = std::stoull(request.text.substr(at + 13));
    const std::lock_guard lock(mutex_);
    request.number = requests_.size();
    requests_.push_back(request.text);
    return true;
  }

  ScopedEnv no_proxy_{"no_proxy", "127.0.0.1,localhost"};  // a proxy of the machine has no business here
  Handler handler_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  LoopbackServer server_;
};

}  // namespace fsc::test
