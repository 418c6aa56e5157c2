// Starts a program of the build and watches how it ends.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/golden.h"
#include "support/temp_dir.h"

namespace fsc::test {

/// How a program ended: its exit code, or minus the signal that ended it; `output` is stdout and stderr together.
struct Ended {
  int code = 0;
  std::string output;
};

/// What a program gets less of, in bytes; 0 = no limit.
struct Limits {
  rlim_t file_size = 0;  ///< no file may grow beyond it, which looks like a full disk to the program
  rlim_t memory = 0;     ///< address space: allocations fail beyond it
};

/// A running program of build/<preset>/bin; killed when it goes out of scope.
class Process {
 public:
  explicit Process(const std::string& program, const std::vector<std::string>& arguments, const Limits& limits = {}) {
    std::vector<std::string> words = {FSC_BIN_DIR "/" + program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string log = (dir_ / "output").string();
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    pid_ = ::fork();
    if (pid_ < 0 || out < 0) throw std::runtime_error("cannot start " + words[0]);
    if (pid_ == 0) {
      ::dup2(out, STDOUT_FILENO);
      ::dup2(out, STDERR_FILENO);
      limit(RLIMIT_FSIZE, limits.file_size);
      limit(RLIMIT_AS, limits.memory);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(out);
  }
  ~Process() {
    if (pid_ > 0) send(SIGKILL), wait();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const { ::kill(pid_, signal); }
  bool runs() {
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
  }
  Ended wait() {
    if (pid_ > 0) ::waitpid(pid_, &status_, 0);
    pid_ = -1;
    return {WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_), output()};
  }
  std::string output() const { return read_all((dir_ / "output").string()); }

 private:
  static void limit(int resource, rlim_t bytes) {
    const rlimit both = {bytes, bytes};
    if (bytes > 0) ::setrlimit(static_cast<__rlimit_resource>(resource), &both);
  }

  TempDir dir_;
  pid_t pid_ = -1;
  int status_ = 0;
};

inline Ended run_program(const std::string& program, const std::vector<std::string>& arguments, const Limits& limits = {}) {
  return Process(program, arguments, limits).wait();
}

/// The exit code, every one of `words` in what it said, and no sign of an exception nobody expected.
inline void expect_ended(const Ended& ended, int code, const std::vector<std::string>& words = {}) {
  EXPECT_EQ(ended.code, code) << ended.output;
  for (const auto& word : words)
    EXPECT_NE(ended.output.find(word), std::string::npos) << "no \"" << word << "\" in: " << ended.output;
  for (const char* raw : {"internal error", "terminate called", "std::", "c10::", "Exception raised from"})
    EXPECT_EQ(ended.output.find(raw), std::string::npos) << ended.output;
}

}  // namespace fsc::test
