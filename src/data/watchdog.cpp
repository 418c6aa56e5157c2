// The warning of a stalled loader.
#include "data/detail_watchdog.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace fsc::detail {

void Watchdog::look(double seconds) {
  if (seconds - told_ < patience_) return;
  spdlog::warn("no sample for {:.0f} s: {}", seconds, what_goes_on());
  told_ = seconds;
}

std::string Watchdog::what_goes_on() const {
  std::string text;
  for (size_t i = 0; i < activities_.size(); ++i) {
    const std::string at = activities_[i].text();
    text +=
        fmt::format("{}worker {} {}", i ? ", " : "", i, at.empty() ? "waits for the next sample of the source" : "is at " + at);
  }
  const std::string shard = source_place_();
  return text + (shard.empty() ? "" : "; the shard being read is " + shard);
}

}  // namespace fsc::detail
