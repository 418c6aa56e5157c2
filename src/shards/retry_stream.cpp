// Pipes and servers that break are asked again, after pauses that double, and read on from the byte they broke off at.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "fsc/core/clock.h"
#include "fsc/core/stop.h"
#include "shards/detail_streams.h"

namespace fsc::detail {
namespace {

constexpr double kLongestPause = 300;  // seconds

class RetryStream final : public ByteStream {
 public:
  RetryStream(std::string name, Connect connect, const StreamOptions& options)
      : name_(std::move(name)), connect_(std::move(connect)), options_(options) {}

  size_t read(std::span<char> out) override {
    if (out.empty()) return 0;
    while (true) {
      check_stop(name_, options_);
      try {
        if (!connection_) reconnect();
        const size_t n = connection_->read(out);
        if (n > 0) tries_ = 0;
        delivered_ += n;
        return n;
      } catch (const Break& cause) {
        connection_.reset();
        wait_for_next_try(cause.what());
      }
    }
  }

  uint64_t skip(uint64_t count) override {
    std::array<char, 1 << 16> scratch;
    uint64_t done = 0;
    while (done < count) {
      const size_t n = read(std::span(scratch).first(std::min<uint64_t>(scratch.size(), count - done)));
      if (n == 0) break;
      done += n;
    }
    return done;
  }

 private:
  /// Leaves the new connection at the first byte that was not handed out yet.
  void reconnect() {
    auto connection = connect_(delivered_);
    std::array<char, 1 << 16> scratch;
    for (uint64_t at = connection->begin(); at < delivered_;) {
      check_stop(name_, options_);
      const size_t n = connection->read(std::span(scratch).first(std::min<uint64_t>(scratch.size(), delivered_ - at)));
      if (n == 0) throw Break("it ended at byte " + std::to_string(at) + ", although it gave more before");
      at += n;
    }
    connection_ = std::move(connection);
  }

  void wait_for_next_try(const std::string& cause) {
    if (tries_ == options_.retries)
      throw Error(name_ + ": " + cause + " (at byte " + std::to_string(delivered_) + ", try " + std::to_string(tries_ + 1) +
                  " of " + std::to_string(options_.retries + 1) + ")");
    const double pause =
        std::min(kLongestPause, options_.first_pause * static_cast<double>(uint64_t{1} << std::min<int64_t>(tries_, 40)));
    ++tries_;
    spdlog::warn("{}: {}; at byte {}, try {} of {} follows in {:.3g} s", name_, cause, delivered_, tries_ + 1,
                 options_.retries + 1, pause);
    rest(pause);
  }

  void rest(double seconds) const {
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    for (auto now = Clock::now(); now < end; now = Clock::now()) {
      check_stop(name_, options_);
      std::this_thread::sleep_for(std::min<Clock::duration>(end - now, std::chrono::milliseconds(kWaitMilliseconds)));
    }
  }

  std::string name_;
  Connect connect_;
  StreamOptions options_;
  std::unique_ptr<Connection> connection_;
  uint64_t delivered_ = 0;
  int64_t tries_ = 0;  // that failed since the last new byte
};

}  // namespace

int wait_milliseconds(const StreamOptions& options) {
  return std::clamp(static_cast<int>(1000 * std::min(1.0, options.timeout_seconds)), 1, kWaitMilliseconds);
}

void check_stop(const std::string& name, const StreamOptions& options) {
  fsc::check_stop();  // the whole process is to save and stop
  if (options.stop.stop_requested()) throw ReadStopped(name + ": reading was stopped");
}

std::unique_ptr<ByteStream> make_retry_stream(std::string name, Connect connect, const StreamOptions& options) {
  return std::make_unique<RetryStream>(std::move(name), std::move(connect), options);
}

}  // namespace fsc::detail
