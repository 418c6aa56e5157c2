// Changes of the process that a test undoes at the end of its scope.
#pragma once
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <string>

namespace fsc::test {

/// Sets an environment variable (nullopt: removes it) for a scope.
class ScopedEnv {
 public:
  ScopedEnv(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* before = ::getenv(name)) before_ = before;
    set(value);
  }
  ~ScopedEnv() { set(before_); }
  ScopedEnv(const ScopedEnv&) = delete;
  ScopedEnv& operator=(const ScopedEnv&) = delete;

 private:
  void set(const std::optional<std::string>& value) const {
    if (value)
      ::setenv(name_, value->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

/// No file may grow beyond `bytes`: a write fails as on a full disk.
class ScopedFileSizeLimit {
 public:
  explicit ScopedFileSizeLimit(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~ScopedFileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  ScopedFileSizeLimit(const ScopedFileSizeLimit&) = delete;
  ScopedFileSizeLimit& operator=(const ScopedFileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// Root may write anywhere; for a scope it becomes a user who may not. No effect for other users.
class ScopedPlainUser {
 public:
  ScopedPlainUser() : root_(::geteuid() == 0) {
    if (root_ && ::seteuid(65534) != 0) root_ = false;
  }
  ~ScopedPlainUser() {
    if (root_ && ::seteuid(0) != 0) ::abort();
  }
  ScopedPlainUser(const ScopedPlainUser&) = delete;
  ScopedPlainUser& operator=(const ScopedPlainUser&) = delete;
  /// False where the rights could not be given up (some containers).
  bool plain() const { return ::geteuid() != 0; }

 private:
  bool root_;
};

}  // namespace fsc::test
