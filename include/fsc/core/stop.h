// SIGTERM, SIGINT and SIGUSR1 ask the process to save and stop; a second SIGINT ends it at once.
#pragma once
#include <exception>

namespace fsc {

/// From here to the end of the process these signals set a flag and nothing else: no gap in which one of them kills. First thing
/// in the main() of a program that has something to save.
void install_stop_signals() noexcept;

bool stop_requested() noexcept;
/// "SIGTERM", or "no signal".
const char* stop_signal() noexcept;

/// A wait that ended because stop_requested(). No Error: nobody may take it for a bad file and go on.
class Stopped : public std::exception {
 public:
  const char* what() const noexcept override { return stop_signal(); }
};

/// Longest single wait before the flag is looked at.
inline constexpr int kStopPollMilliseconds = 100;

/// Throws Stopped when a stop was asked for.
inline void check_stop() {
  if (stop_requested()) throw Stopped();
}

namespace test {
/// As if no signal had come.
void forget_stop_signal() noexcept;
}  // namespace test

}  // namespace fsc
