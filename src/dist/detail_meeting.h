// How the other ranks find rank 0's store: rank 0 answers at the known port with the port of the store.
//
// The store itself cannot stand at the known port: a client that meets another program there waits until that program ends. Here
// both sides say who they are, so a port that is taken can be passed over for the next one.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "fsc/core/clock.h"
#include "fsc/dist/layout.h"

namespace fsc::detail {

/// The end of a wait.
class Deadline {
 public:
  explicit Deadline(double seconds) : seconds_(seconds) {}
  double seconds() const { return seconds_; }
  double left() const { return std::max(0.0, seconds_ - seconds_since(start_)); }
  bool over() const { return left() <= 0; }

 private:
  double seconds_;
  Clock::time_point start_ = Clock::now();
};

/// Rank 0's side; answers until it goes out of scope.
class Meeting {
 public:
  /// Error when the port is taken (when it is ours to choose: when the next ones are, too).
  Meeting(const Layout& layout, int64_t store_port);
  ~Meeting();
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;

 private:
  void serve();
  void answer(int connection) const;

  std::string run_, reply_;
  int socket_ = -1;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

struct StorePlace {
  std::string host;
  int64_t port = 0;
};

/// The others' side. Error, when `deadline` is over: what was met instead of rank 0.
StorePlace find_store(const Layout& layout, const Deadline& deadline);

/// This host's address on the way to `host`, as a number. Error: `host` does not resolve, or nothing leads there.
std::string address_towards(const std::string& host, const Deadline& deadline);
bool is_loopback(const std::string& numeric_address);

}  // namespace fsc::detail
