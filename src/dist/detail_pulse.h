// Every rank says four times a second, through the store, that it lives; who has lost somebody looks at who does not.
#pragma once
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dist/detail_c10d.h"

namespace fsc::detail {

/// What a look at the other ranks shows.
struct Signs {
  bool store_gone = false;                          ///< nobody serves the store: rank 0 is gone, or the launcher
  std::vector<int64_t> silent;                      ///< ranks that do not answer
  std::vector<std::pair<int64_t, int64_t>> behind;  ///< ranks that live, and by how many collectives they are behind this one
};

/// All ranks must have said their first beat when it is made. Its connections to the store are its own: a call that hangs holds
/// up nobody else.
class Pulse {
 public:
  Pulse(const StorePtr& store, int64_t rank, int64_t size);
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  static void first_beat(c10d::Store& store, int64_t rank);
  /// One more collective of the main thread.
  void count();
  /// Takes half a second when all live, two when one does not, at most four. What the first rank to look has found is the finding
  /// of all. Rank 0, whose process serves the store, returns only when the others have had time to hear of it.
  Signs look();

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::future<void> ended_;  ///< of the thread that beats
  std::thread thread_;
};

}  // namespace fsc::detail
