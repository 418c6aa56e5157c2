// The one exception that carries a user's mistake to main(), which turns its kind into the exit code.
#pragma once
#include <stdexcept>
#include <string>

namespace fsc {

/// Exit codes of all programs (docs/architecture.md).
enum class ExitCode {
  kDone = 0,
  kFailed = 1,        ///< the work failed: bad file, bad data, full disk
  kUsage = 2,         ///< bad command line or config
  kInterrupted = 75,  ///< stopped by a signal after saving (EX_TEMPFAIL)
};

/// A failure a user can mend. The message says what, where, and what to do. Bugs use TORCH_CHECK instead.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, ExitCode code = ExitCode::kFailed) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

/// A mistake in the command line or the config (exit code 2).
class UsageError : public Error {
 public:
  explicit UsageError(const std::string& message) : Error(message, ExitCode::kUsage) {}
};

}  // namespace fsc
