// Several processes of one test: this test program, started again once a rank, runs a body by its name.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fsc/dist/world.h"
#include "support/golden.h"
#include "support/temp_dir.h"

extern char** environ;

namespace fsc::test {

using Variables = std::map<std::string, std::string>;

/// Bodies by name; `RANK_BODY(Name) { ... }` adds one. A test program that has some also has
/// TEST(RankProcess, RunsTheBodyItWasStartedFor) { run_body(); }
inline std::map<std::string, void (*)()>& rank_bodies() {
  static std::map<std::string, void (*)()> bodies;
  return bodies;
}
#define RANK_BODY(name)                                                                       \
  static void name();                                                                         \
  static const bool name##_is_known = ::fsc::test::rank_bodies().emplace(#name, name).second; \
  static void name()

inline std::string variable_or(const char* name, const std::string& fallback) {
  const char* value = ::getenv(name);
  return value ? value : fallback;
}

/// Runs the body that this process was started for, if it was, and then ends it unless all is well.
inline void run_body() {
  const auto name = variable_or("FSC_TEST_BODY", "");
  if (name.empty()) return;  // an ordinary run of all tests
  int code = 0;
  try {
    rank_bodies().at(name)();
    code = testing::Test::HasFailure() ? 1 : 0;
    if (code == 0) return;
  } catch (const LostRank& error) {
    std::printf("lost: %s\n", error.what());
    code = 1;
  } catch (const Error& error) {
    std::printf("error: %s\n", error.what());
    code = static_cast<int>(error.code());
  } catch (const std::exception& error) {
    std::printf("unexpected: %s\n", error.what());
    code = 99;
  }
  std::fflush(stdout);
  std::_Exit(code);
}

/// A socket that listens at `port` of this machine, 0 = any.
class Listener {
 public:
  explicit Listener(int port = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(fd_, any, size) == 0 && ::listen(fd_, 8) == 0 && ::getsockname(fd_, any, &size) == 0)
      port_ = ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  int port() const { return port_; }  ///< 0 when it was taken

 private:
  int fd_, port_ = 0;
};

/// One rank; killed when it goes out of scope.
class RankProcess {
 public:
  RankProcess(const std::string& body, const Variables& variables) {
    std::vector<std::string> environment, words = {"/proc/self/exe", "--gtest_filter=RankProcess.*"};
    Variables all = variables;
    all["FSC_TEST_BODY"] = body;
    for (const auto& [name, value] : all) environment.push_back(name + "=" + value);
    for (char** one = environ; *one; ++one) {
      if (!all.count(std::string(*one).substr(0, std::string(*one).find('=')))) environment.emplace_back(*one);
    }
    const auto argv = pointers(words), envp = pointers(environment);
    const int out = ::open((dir_ / "output").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(out, STDOUT_FILENO);
      ::dup2(out, STDERR_FILENO);
      ::execve("/proc/self/exe", const_cast<char**>(argv.data()), const_cast<char**>(envp.data()));
      ::_exit(127);
    }
    ::close(out);
  }
  ~RankProcess() {
    if (runs()) send(SIGKILL), ::waitpid(pid_, &status_, 0);
  }
  RankProcess(const RankProcess&) = delete;
  RankProcess& operator=(const RankProcess&) = delete;

  pid_t pid() const { return pid_; }
  void send(int signal) const { ::kill(pid_, signal); }
  bool runs() {
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
  }
  std::string output() const { return read_all((dir_ / "output").string()); }
  /// Waits until it has said `words`.
  void expect_says(const std::string& words, double seconds = 20) {
    expect_soon([&] { return output().find(words) != std::string::npos || !runs(); }, seconds, "\"" + words + "\"");
    EXPECT_NE(output().find(words), std::string::npos) << output();
  }
  /// Waits for its end: the exit code, or minus the signal.
  int wait(double seconds = 20) {
    expect_soon([&] { return !runs(); }, seconds, "the end");
    if (pid_ > 0) return -1000;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  }
  /// It must end with `code` and have said every one of `words`.
  void expect_ends(int code, const std::vector<std::string>& words = {}, double seconds = 20) {
    EXPECT_EQ(wait(seconds), code) << output();
    for (const auto& word : words) EXPECT_NE(output().find(word), std::string::npos) << "no \"" << word << "\" in " << output();
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> found;
    for (auto& word : words) found.push_back(word.data());
    found.push_back(nullptr);
    return found;
  }
  template <class F>
  void expect_soon(F happened, double seconds, const std::string& what) {
    const auto start = std::chrono::steady_clock::now();
    while (!happened()) {
      if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > seconds) {
        ADD_FAILURE() << "waited " << seconds << " s for " << what << " of: " << output();
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

  TempDir dir_;
  pid_t pid_ = -1;
  int status_ = 0;
};

/// Variables of rank `rank` of `count` on this machine that meet at `port`.
inline Variables rank_variables(int rank, int count, int port, const Variables& more = {}) {
  Variables all = more;
  const Variables own = {{"RANK", std::to_string(rank)},
                         {"WORLD_SIZE", std::to_string(count)},
                         {"LOCAL_RANK", std::to_string(rank)},
                         {"LOCAL_WORLD_SIZE", std::to_string(count)},
                         {"MASTER_ADDR", "127.0.0.1"},
                         {"MASTER_PORT", std::to_string(port)},
                         {"OMP_NUM_THREADS", "1"}};
  all.insert(own.begin(), own.end());
  return all;
}

inline int free_port() { return Listener().port(); }

using Ranks = std::vector<std::unique_ptr<RankProcess>>;

inline Ranks start_ranks(const std::string& body, int count, const Variables& more = {}) {
  const int port = free_port();
  Ranks ranks;
  for (int rank = 0; rank < count; ++rank)
    ranks.push_back(std::make_unique<RankProcess>(body, rank_variables(rank, count, port, more)));
  return ranks;
}

/// All must end with 0.
inline void run_ranks(const std::string& body, int count, const Variables& more = {}) {
  for (auto& rank : start_ranks(body, count, more)) rank->expect_ends(0);
}

/// In a body: the config that the variables FSC_TEST_… describe, and the world of it.
inline DistributedConfig config_of_body() {
  DistributedConfig config;
  config.setup_timeout = std::stod(variable_or("FSC_TEST_SETUP", "20"));
  config.timeout = std::stod(variable_or("FSC_TEST_TIMEOUT", "20"));
  config.interface = variable_or("FSC_TEST_INTERFACE", "");
  return config;
}
/// The CPU, or with FSC_TEST_DEVICE=cuda this rank's own CUDA device.
inline torch::Device device_of_body() {
  if (variable_or("FSC_TEST_DEVICE", "cpu") == "cpu") return torch::kCPU;
  return {torch::kCUDA, static_cast<torch::DeviceIndex>(std::stoi(variable_or("LOCAL_RANK", "0")))};
}
inline std::shared_ptr<World> world_of_body() {
  const auto config = config_of_body();
  return open_world(find_layout(config, process_environment()), config, device_of_body());
}

}  // namespace fsc::test
