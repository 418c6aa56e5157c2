// A line each way over TCP, every wait bounded.
#include "dist/detail_meeting.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "fsc/core/error.h"
#include "fsc/core/stop.h"

namespace fsc::detail {
namespace {

constexpr int64_t kPortsTried = 10;
constexpr double kAnswerSeconds = 2;       // for one connection and its line
constexpr double kUnresolvedSeconds = 10;  // a name that does not resolve so long never will
constexpr size_t kLongestLine = 200;

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

std::string numeric(Address address) {
  char text[NI_MAXHOST] = "";
  ::getnameinfo(address.get(), address.size, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
  return text;
}

/// All addresses of a host; it may take a moment until a name of a starting container is known.
std::vector<Address> resolve(const std::string& host, int64_t port, const Deadline& deadline) {
  const Deadline patience(std::min(kUnresolvedSeconds, deadline.left()));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  while (true) {
    addrinfo* list = nullptr;
    const int problem = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    if (problem == 0) {
      std::vector<Address> found;
      for (const addrinfo* one = list; one; one = one->ai_next) {
        auto& address = found.emplace_back();
        std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
        address.size = one->ai_addrlen;
      }
      ::freeaddrinfo(list);
      return found;
    }
    check_stop();
    if (patience.over()) {
      throw Error(
          fmt::format("rank 0's address \"{}\" does not resolve here ({}): set distributed.address or MASTER_ADDR to a name "
                      "or number that all hosts know",
                      host, ::gai_strerror(problem)));
    }
    ::usleep(200'000);
  }
}

bool ready(int fd, short what, double seconds) {
  pollfd one = {fd, what, 0};
  return ::poll(&one, 1, static_cast<int>(1000 * seconds) + 1) == 1;
}

/// A line without its end; "" when none comes in time.
std::string read_line(int fd) {
  const Deadline deadline(kAnswerSeconds);
  std::string line;
  while (line.size() < kLongestLine && !deadline.over() && ready(fd, POLLIN, deadline.left())) {
    char c = 0;
    if (::recv(fd, &c, 1, 0) != 1) return "";
    if (c == '\n') return line;
    line += c;
  }
  return "";
}

void write_line(int fd, const std::string& line) { (void)!::send(fd, (line + "\n").data(), line.size() + 1, MSG_NOSIGNAL); }

/// What must be the same for two processes to belong together.
std::string run_of(const Layout& layout) {
  return fmt::format("job {}, attempt {}, {} ranks", layout.job.empty() ? "-" : layout.job, layout.attempt, layout.size);
}

constexpr const char* kHello = "fsc rank of ";
constexpr const char* kReply = "fsc store at ";
constexpr const char* kOther = "fsc rank 0 of ";

/// A socket that listens at all addresses of this host; -1 and errno.
int listen_at(int64_t port) {
  for (const int family : {AF_INET6, AF_INET}) {
    const int fd = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    const int yes = 1, no = 0;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6, six.sin6_port = htons(static_cast<uint16_t>(port)), six.sin6_addr = in6addr_any;
    sockaddr_in four{};
    four.sin_family = AF_INET, four.sin_port = htons(static_cast<uint16_t>(port));
    if (family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    const auto* address = family == AF_INET6 ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
    if (::bind(fd, address, family == AF_INET6 ? sizeof six : sizeof four) == 0 && ::listen(fd, 1024) == 0) return fd;
    const int problem = errno;
    ::close(fd);
    errno = problem;
    if (problem == EADDRINUSE || problem == EACCES) break;
  }
  return -1;
}

/// A socket that talks to `address`; -1 and `trouble`.
int connect_to(Address address, double seconds, std::string& trouble) {
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int problem = fd < 0 ? errno : 0;
  if (fd >= 0 && ::connect(fd, address.get(), address.size) != 0) problem = errno;
  if (problem == EINPROGRESS) {
    socklen_t size = sizeof problem;
    if (!ready(fd, POLLOUT, seconds))
      problem = ETIMEDOUT;
    else
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  }
  if (problem == 0) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return fd;
  }
  if (fd >= 0) ::close(fd);
  trouble = std::strerror(problem);
  return -1;
}

/// Asks at one port; the store's port, or 0 and `trouble`.
int64_t ask(const Address& address, const std::string& run, std::string& trouble) {
  const Fd socket(connect_to(address, kAnswerSeconds, trouble));
  if (socket.get() < 0) return 0;
  write_line(socket.get(), kHello + run);
  const std::string reply = read_line(socket.get());
  if (reply.starts_with(kReply)) return std::atoll(reply.c_str() + std::strlen(kReply));
  if (reply.starts_with(kOther))
    trouble = fmt::format("rank 0 of another run is there ({}; here {})", reply.substr(std::strlen(kOther)), run);
  else
    trouble = "another program is there, or rank 0 hangs";
  return 0;
}

}  // namespace

Meeting::Meeting(const Layout& layout, int64_t store_port)
    : run_(run_of(layout)), reply_(kReply + std::to_string(store_port)), socket_(layout.listening) {
  const int64_t tried = layout.port_is_ours ? kPortsTried : 1;
  for (int64_t i = 0; i < tried && socket_ < 0; ++i) socket_ = listen_at(layout.port + i);
  if (socket_ < 0) {
    throw Error(
        fmt::format("rank 0 cannot listen at port {}{}: {}; is there a second rank 0, or another run? choose another by "
                    "distributed.port or MASTER_PORT",
                    layout.port, tried > 1 ? fmt::format(" or the {} after it", tried - 1) : "", std::strerror(errno)));
  }
  thread_ = std::thread([this] { serve(); });
}

Meeting::~Meeting() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  ::close(socket_);
}

void Meeting::serve() {
  while (!stop_) {
    if (!ready(socket_, POLLIN, 0.05)) continue;
    const Fd connection(::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() >= 0) answer(connection.get());
  }
}

void Meeting::answer(int connection) const {
  const std::string line = read_line(connection);
  if (!line.starts_with(kHello)) return;
  write_line(connection, line.substr(std::strlen(kHello)) == run_ ? reply_ : kOther + run_);
}

StorePlace find_store(const Layout& layout, const Deadline& deadline) {
  const std::string run = run_of(layout);
  std::string trouble, telling;
  do {
    check_stop();
    for (int64_t i = 0; i < (layout.port_is_ours ? kPortsTried : 1) && !deadline.over(); ++i) {
      for (const Address& address : resolve(layout.address, layout.port + i, deadline)) {
        if (const int64_t port = ask(address, run, trouble)) return {numeric(address), port};
        if (i == 0 || telling.empty()) telling = trouble;  // the first port is where rank 0 should be
      }
    }
    ::usleep(100'000);
  } while (!deadline.over());
  throw Error(fmt::format("rank {} cannot find rank 0 within {:g} s at {} port {}: {}", layout.rank, deadline.seconds(),
                          layout.address, layout.port, telling));
}

std::string address_towards(const std::string& host, const Deadline& deadline) {
  std::string trouble;
  for (Address address : resolve(host, 9, deadline)) {
    const Fd socket(::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    Address own{.storage = {}, .size = sizeof(sockaddr_storage)};
    // Nothing is sent: connecting a datagram socket only chooses the way.
    if (socket.get() >= 0 && ::connect(socket.get(), address.get(), address.size) == 0 &&
        ::getsockname(socket.get(), own.get(), &own.size) == 0)
      return numeric(own);
    trouble = std::strerror(errno);
  }
  throw Error(fmt::format("no network of this host leads to {}: {}", host, trouble));
}

bool is_loopback(const std::string& numeric_address) {
  return numeric_address.starts_with("127.") || numeric_address == "::1" || numeric_address.starts_with("::ffff:127.");
}

}  // namespace fsc::detail
