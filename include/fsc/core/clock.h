// Time that passes, for rates and reports; nothing that a run computes depends on it.
#pragma once
#include <chrono>

namespace fsc {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace fsc
