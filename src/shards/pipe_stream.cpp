// What a shell command writes: run in a process group of its own, watched for silence, its exit status checked, the end of its
// stderr kept for the message.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "fsc/core/clock.h"
#include "fsc/core/log.h"
#include "shards/detail_streams.h"

extern char** environ;

namespace fsc::detail {
namespace {

constexpr int kPipeSize = 1 << 20;  // read-ahead: what the command may write before anybody reads; the most an ordinary user gets
constexpr size_t kKeptOfStderr = 500;
constexpr int kKillMilliseconds = 1000;  // that a killed command may take to go

/// A file descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept { return std::swap(fd_, other.fd_), *this; }
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

struct Pipe {
  Descriptor read_end, write_end;
};

/// Our end never blocks; the command's does, as programs expect.
Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Break("cannot make a pipe: " + std::string(std::strerror(errno)));
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

/// Starts `/bin/sh -c command` with default signals, for a library above us may ignore SIGPIPE or block what ends a program.
pid_t spawn_shell(const std::string& command, int out, int err) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  sigset_t none, defaults;
  ::sigemptyset(&none);
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string shell = "sh", flag = "-c", text = command;
  char* argv[] = {shell.data(), flag.data(), text.data(), nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == E2BIG) throw Error("pipe:" + command.substr(0, 100) + "…: the command is too long");
  if (error != 0) throw Break("cannot start a shell: " + std::string(std::strerror(error)));
  return pid;
}

/// The last lines of what a command said, on one line.
std::string last_words(const std::string& text) {
  std::string words = text.substr(text.size() - std::min(text.size(), kKeptOfStderr));
  for (char& c : words) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = '?';
  }
  const size_t first = words.find_first_not_of(' '), last = words.find_last_not_of(' ');
  return first == std::string::npos ? "nothing on stderr" : "its last words: " + words.substr(first, last - first + 1);
}

class Command final : public Connection {
 public:
  Command(const std::string& command, const StreamOptions& options)
      : name_(std::string(kPipePrefix) + command), options_(options) {
    Pipe out = make_pipe(), err = make_pipe();
    ::fcntl(out.read_end.get(), F_SETPIPE_SZ, kPipeSize);  // may fail where many pipes are open; the usual 64 KiB then have to do
    pid_ = spawn_shell(command, out.write_end.get(), err.write_end.get());
    out_ = std::move(out.read_end);
    err_ = std::move(err.read_end);
  }
  ~Command() override {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL);
    // One that hangs in the kernel (a dead file server) is left behind: waiting for it could take for ever.
    for (int waited = 0; ::waitpid(pid_, nullptr, WNOHANG) == 0 && waited < kKillMilliseconds; ++waited)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  uint64_t begin() override { return 0; }

  /// The time of silence runs only while we wait here, not while the reader is busy elsewhere. Words on stderr do not end it, for
  /// progress is reported there of downloads that stand still.
  size_t read(std::span<char> buffer) override {
    const auto begin = Clock::now();
    while (pid_ >= 0) {
      const std::optional<size_t> n = try_read(out_, buffer);
      if (n && *n > 0) return *n;
      if (n) {
        wait_for_exit();
      } else {
        check_stop(name_, options_);
        if (Clock::now() - begin > std::chrono::duration<double>(options_.timeout_seconds))
          throw Break("the command has sent nothing for " + format_duration(options_.timeout_seconds) + ", " + last_words(said_));
        listen(true, wait_milliseconds(options_));
      }
    }
    return 0;
  }

 private:
  /// Bytes that are there, 0 at the end, nothing when there are none yet.
  static std::optional<size_t> try_read(const Descriptor& from, std::span<char> buffer) {
    const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno == EAGAIN || errno == EINTR) return std::nullopt;
    throw Break("cannot read from the command: " + std::string(std::strerror(errno)));
  }

  /// Waits for something to read and takes what is on stderr, so that the command never waits for us there; whether there was
  /// anything.
  bool listen(bool for_output, int milliseconds) {
    pollfd sources[] = {{for_output ? out_.get() : -1, POLLIN, 0}, {err_.get(), POLLIN, 0}};
    if (::poll(sources, 2, milliseconds) <= 0 || sources[1].revents == 0) return false;
    std::array<char, 4096> buffer;
    const std::optional<size_t> n = try_read(err_, buffer);
    if (n == size_t{0}) err_.reset();
    said_.append(buffer.data(), n.value_or(0));
    if (said_.size() > 2 * kKeptOfStderr) said_.erase(0, said_.size() - kKeptOfStderr);
    return n.value_or(0) > 0;
  }

  /// After the end of the output: nothing more may go wrong but the exit status.
  void wait_for_exit() {
    out_.reset();
    const auto begin = Clock::now();
    int status = 0;
    for (int pause = 1; ::waitpid(pid_, &status, WNOHANG) == 0; pause = std::min(2 * pause, kWaitMilliseconds)) {
      check_stop(name_, options_);
      if (Clock::now() - begin > std::chrono::duration<double>(options_.timeout_seconds))
        throw Break("the command has closed its output but does not end");
      listen(false, pause);
    }
    pid_ = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    for (int left = 32; left > 0 && listen(false, 0);
         --left) {  // what is left of stderr: a pipe's 64 KiB, unless a child goes on talking
    }
    if (WIFSIGNALED(status))
      throw Break("the command was ended by signal " + std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) +
                  "), " + last_words(said_));
    const int code = WEXITSTATUS(status);
    const std::string cause = "the command ended with exit status " + std::to_string(code) + ", " + last_words(said_);
    if (code == 126 || code == 127) throw Error(name_ + ": " + cause);  // not executable, not found
    throw Break(cause);
  }

  std::string name_;
  StreamOptions options_;
  pid_t pid_ = -1;
  Descriptor out_, err_;
  std::string said_;
};

}  // namespace

std::unique_ptr<ByteStream> open_pipe_stream(const std::string& command, const StreamOptions& options) {
  if (command.find_first_not_of(" \t\n") == std::string::npos)
    throw Error("'pipe:' without a command; write pipe:command, for example pipe:cat a.tar");
  return make_retry_stream(
      std::string(kPipePrefix) + command, [command, options](uint64_t) { return std::make_unique<Command>(command, options); },
      options);
}

}  // namespace fsc::detail
