// Starts copies of this program, passes on what they say, and sees to it that all end.
#include "fsc/dist/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dist/detail_variables.h"
#include "fsc/core/clock.h"
#include "fsc/core/stop.h"

extern char** environ;

namespace fsc {
namespace {

constexpr size_t kLongestLine = 64 << 10;  // a longer one is passed on in pieces

/// A socket of this machine alone that rank 0 will listen at.
struct OwnSocket {
  OwnSocket() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (fd < 0 || ::bind(fd, any, size) != 0 || ::listen(fd, 1024) != 0 || ::getsockname(fd, any, &size) != 0)
      throw Error(fmt::format("cannot listen on this machine: {}", std::strerror(errno)));
    port = ntohs(address.sin_port);
  }
  ~OwnSocket() { ::close(fd); }
  OwnSocket(const OwnSocket&) = delete;
  OwnSocket& operator=(const OwnSocket&) = delete;
  int fd, port = 0;
};

/// Passes one of a child's outputs on, line by line.
class Lines {
 public:
  Lines(int from, int to, std::string prefix) : from_(from), to_(to), prefix_(std::move(prefix)) {}
  int fd() const { return from_; }
  bool open() const { return from_ >= 0; }
  /// What is there now.
  void pass_on() {
    char bytes[16 << 10];
    ssize_t count = 0;
    while (open() && (count = ::read(from_, bytes, sizeof bytes)) > 0) {
      held_.append(bytes, static_cast<size_t>(count));
      for (size_t end; (end = held_.find('\n')) != std::string::npos || held_.size() > kLongestLine;)
        write_out(std::min(end, kLongestLine - 1) + 1);
    }
    if (open() && (count == 0 || errno != EAGAIN)) close();
  }
  void close() {
    if (!open()) return;
    if (!held_.empty()) write_out(held_.size());
    ::close(std::exchange(from_, -1));
  }

 private:
  void write_out(size_t size) {
    std::string line = prefix_ + held_.substr(0, size);
    held_.erase(0, size);
    if (line.back() != '\n') line += '\n';
    for (size_t done = 0; done < line.size();) {  // past stdio, so that a line is whole
      const ssize_t wrote = ::write(to_, line.data() + done, line.size() - done);
      if (wrote < 0 && errno != EINTR) return;
      done += static_cast<size_t>(std::max<ssize_t>(wrote, 0));
    }
  }

  int from_, to_;
  std::string prefix_, held_;
};

struct Child {
  pid_t pid = -1;  // -1 once it has ended
  int status = 0;
  std::vector<Lines> lines;
};

std::string variable(const char* name, int64_t value) { return fmt::format("{}={}", name, value); }

/// This process's environment with what find_layout() reads.
std::vector<std::string> environment_of(int64_t rank, int64_t count, const OwnSocket& socket) {
  std::vector<std::string> words = {variable(detail::kLocalProcess, 1),
                                    variable("RANK", rank),
                                    variable("LOCAL_RANK", rank),
                                    variable("WORLD_SIZE", count),
                                    variable("LOCAL_WORLD_SIZE", count),
                                    variable("MASTER_PORT", socket.port),
                                    "MASTER_ADDR=127.0.0.1"};
  if (rank == 0) words.push_back(variable(detail::kListening, socket.fd));
  if (!::getenv("OMP_NUM_THREADS"))
    words.push_back(variable("OMP_NUM_THREADS", std::max<int64_t>(1, std::thread::hardware_concurrency() / count)));
  const size_t own = words.size();
  for (char** one = environ; *one; ++one) {
    const std::string name(*one, static_cast<size_t>(std::strcspn(*one, "=")) + 1);
    bool ours = name == "TORCHELASTIC_USE_AGENT_STORE=" || name == std::string(detail::kListening) + "=";
    for (size_t i = 0; i < own; ++i) ours = ours || words[i].starts_with(name);
    if (!ours) words.emplace_back(*one);
  }
  return words;
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// A pipe whose reading end is ours and does not wait.
struct Pipe {
  Pipe() {
    if (::pipe2(ends, O_CLOEXEC) != 0) throw Error(fmt::format("cannot start processes: {}", std::strerror(errno)));
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  int ends[2] = {-1, -1};
};

/// The rest of a child's way to the new program; only calls that are safe after fork().
[[noreturn]] void become(pid_t parent, int listening, int out, int err, int nothing, char** argv, char** environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a launcher that is killed leaves nobody behind
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);  // a terminal's Ctrl-C comes to the launcher alone, which hands it on
  if (listening >= 0) ::fcntl(listening, F_SETFD, 0);
  ::dup2(nothing, STDIN_FILENO);
  if (out >= 0) ::dup2(out, STDOUT_FILENO);
  if (err >= 0) ::dup2(err, STDERR_FILENO);
  ::execve("/proc/self/exe", argv, environment);
  ::_exit(127);
}

/// Rank 0 keeps this process's own outputs: a terminal stays one for it.
Child start(int64_t rank, int64_t count, const OwnSocket& socket, int nothing, char** argv) {
  auto words = environment_of(rank, count, socket);
  const auto environment = pointers_to(words);
  std::vector<Pipe> pipes(rank == 0 ? 0 : 2);
  const pid_t parent = ::getpid();
  Child child;
  child.pid = ::fork();
  if (child.pid == 0) {
    become(parent, rank == 0 ? socket.fd : -1, rank == 0 ? -1 : pipes[0].ends[1], rank == 0 ? -1 : pipes[1].ends[1], nothing,
           argv, const_cast<char**>(environment.data()));
  }
  const int problem = errno;
  for (size_t i = 0; i < pipes.size(); ++i) {
    ::close(pipes[i].ends[1]);
    child.lines.emplace_back(pipes[i].ends[0], i == 0 ? STDOUT_FILENO : STDERR_FILENO, fmt::format("[{}] ", rank));
  }
  if (child.pid < 0) throw Error(fmt::format("cannot start process {} of {}: {}", rank, count, std::strerror(problem)));
  return child;
}

/// The processes of one run; those that still live when it goes out of scope are killed.
class Children {
 public:
  ~Children() {
    signal_all(SIGKILL);
    for (auto& child : all_) {
      if (child.pid > 0) ::waitpid(child.pid, nullptr, 0);
      for (auto& lines : child.lines) lines.close();
    }
  }
  void add(Child child) { all_.push_back(std::move(child)); }
  bool any() const {
    return std::any_of(all_.begin(), all_.end(), [](const Child& child) { return child.pid > 0; });
  }
  void signal_all(int signal) const {
    for (const auto& child : all_) {
      if (child.pid > 0) ::kill(signal == SIGKILL ? -child.pid : child.pid, signal);
    }
  }

  /// Passes on what they say, at most a tenth of a second.
  void listen() {
    std::vector<pollfd> polled;
    for (const auto& child : all_) {
      for (const auto& lines : child.lines) polled.push_back({lines.fd(), POLLIN, 0});  // poll() passes over closed ones
    }
    ::poll(polled.data(), polled.size(), kStopPollMilliseconds);
    for (auto& child : all_) {
      for (auto& lines : child.lines) lines.pass_on();
    }
  }

  /// Ranks that have ended since the last call, with their code: 128 + the signal for one that a signal ended.
  std::vector<std::pair<size_t, int>> ended() {
    std::vector<std::pair<size_t, int>> found;
    for (size_t rank = 0; rank < all_.size(); ++rank) {
      auto& child = all_[rank];
      if (child.pid <= 0 || ::waitpid(child.pid, &child.status, WNOHANG) != child.pid) continue;
      child.pid = -1;
      for (auto& lines : child.lines) lines.pass_on();
      found.emplace_back(rank, WIFEXITED(child.status) ? WEXITSTATUS(child.status) : 128 + WTERMSIG(child.status));
    }
    return found;
  }

 private:
  std::vector<Child> all_;
};

/// What the processes are sent for the signal that came: SIGINT becomes SIGTERM, because a second SIGINT kills.
int handed_on() { return std::strcmp(stop_signal(), "SIGUSR1") == 0 ? SIGUSR1 : SIGTERM; }

std::string how_it_ended(int code) {
  return code > 128 ? fmt::format("was ended by signal {} ({})", code - 128, ::strsignal(code - 128))
                    : fmt::format("ended with code {}", code);
}

/// Waits for all; the code of the run.
ExitCode attend(Children& children, double grace_seconds) {
  bool told = false, killed = false;
  int failed = 0, interrupted = 0;
  Clock::time_point since{};
  while (children.any()) {
    children.listen();
    if (stop_requested() && !std::exchange(told, true)) children.signal_all(handed_on());
    for (const auto& [rank, code] : children.ended()) {
      if (code == static_cast<int>(ExitCode::kInterrupted)) interrupted = code;
      if (code == 0 || code == static_cast<int>(ExitCode::kInterrupted) || failed != 0) continue;
      failed = code;
      since = Clock::now();
      if (children.any()) std::fprintf(stderr, "process %zu %s: the others are ended\n", rank, how_it_ended(code).c_str());
      children.signal_all(SIGTERM);
      children.signal_all(SIGCONT);  // one that is stopped could not hear it
    }
    if (failed != 0 && !killed && seconds_since(since) > grace_seconds) {
      killed = true;
      children.signal_all(SIGKILL);
    }
  }
  return static_cast<ExitCode>(failed > 128 ? static_cast<int>(ExitCode::kFailed) : failed != 0 ? failed : interrupted);
}

}  // namespace

bool is_local_process() { return ::getenv(detail::kLocalProcess) != nullptr; }

ExitCode run_local_processes(int64_t count, int, char** argv, double grace_seconds) {
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  Children children;
  {
    const OwnSocket socket;
    for (int64_t rank = 0; rank < count; ++rank) children.add(start(rank, count, socket, nothing, argv));
  }
  ::close(nothing);
  return attend(children, grace_seconds);
}

}  // namespace fsc
