// Threads that make the results of numbered places ahead of a consumer, who takes them in order.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "fsc/core/clock.h"
#include "fsc/core/stop.h"

namespace fsc {

/// One consumer; what a place's result is must not depend on the thread that makes it.
template <class Result>
class OrderedWorkers {
 public:
  /// Makes one place's result, beside others that make theirs. Empty = nobody wants this place.
  using Work = std::function<Result()>;

  struct Setup {
    int64_t threads = 1;
    int64_t window = 1;  ///< how many places from the consumer's next one on are begun at most
    int64_t first = 0;   ///< the place that is begun first
    int64_t next = 0;    ///< the consumer's next place; those between `first` and it may be taken by number
    int64_t end = std::numeric_limits<int64_t>::max();  ///< no place from here on is begun
    bool heeds_stop = true;                             ///< false: take() goes on waiting when a stop is asked for
    /// Begins a place on thread number `thread`: place after place, one at a time.
    std::function<Work(int64_t place, size_t thread)> begin;
    std::function<void()> on_thread = {};  ///< on each thread before its first place
    std::function<void()> on_stop = {};    ///< ends what begin() may hang in
    std::function<void(double)> on_wait =
        {};  ///< on the consumer's thread, ten times a second: seconds it has waited for a place
  };

  explicit OrderedWorkers(Setup setup) : setup_(std::move(setup)), begun_(setup_.first), next_(setup_.next) {
    try {
      for (int64_t i = 0; i < setup_.threads; ++i) threads_.emplace_back([this, i] { run(static_cast<size_t>(i)); });
    } catch (...) {  // no more threads
      stop();
      throw;
    }
  }
  /// Waits for what is being made.
  ~OrderedWorkers() { stop(); }
  OrderedWorkers(const OrderedWorkers&) = delete;
  OrderedWorkers& operator=(const OrderedWorkers&) = delete;

  /// The consumer's next place.
  int64_t next() const { return next_; }

  /// Result of the next place, or of one before it that was not taken. An exception of its making is thrown to everybody who
  /// asks; Stopped when a stop is asked for meanwhile, where that is heeded. In both cases next() stays.
  Result take() { return take(next_); }
  Result take(int64_t place) {
    if (place > next_ || place >= setup_.end) throw std::logic_error("OrderedWorkers: this place is not the consumer's next");
    const auto begin = Clock::now();
    std::unique_lock lock(mutex_);
    const auto poll = std::chrono::milliseconds(kStopPollMilliseconds);
    while (!arrived_.wait_for(lock, poll, [&] { return ready_.count(place) > 0; })) {
      if (setup_.heeds_stop) check_stop();
      if (!setup_.on_wait) continue;
      lock.unlock();
      setup_.on_wait(seconds_since(begin));
      lock.lock();
    }
    if (const auto& failure = ready_.at(place).failure) std::rethrow_exception(failure);
    Result result = std::move(*ready_.extract(place).mapped().result);
    if (place == next_) ++next_;
    lock.unlock();
    wanted_.notify_all();
    return result;
  }

 private:
  struct Made {
    std::optional<Result> result;
    std::exception_ptr failure;
  };

  void run(size_t thread) {
    if (setup_.on_thread) setup_.on_thread();
    while (true) {
      Work work;
      Made made;
      const auto place = begin_next(thread, work, made);
      if (!place) return;
      if (!made.failure) {
        if (!work) continue;
        try {
          made.result = work();
        } catch (...) {
          made.failure = std::current_exception();
        }
      }
      {
        const std::lock_guard lock(mutex_);
        ready_.emplace(*place, std::move(made));
      }
      arrived_.notify_all();
    }
  }

  /// The place that this thread is to make; nullopt when there is none any more.
  std::optional<int64_t> begin_next(size_t thread, Work& work, Made& made) {
    const std::lock_guard one_at_a_time(begin_mutex_);
    int64_t place = 0;
    {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [&] { return stopping_ || begun_ >= setup_.end || begun_ < next_ + setup_.window; });
      if (stopping_ || begun_ >= setup_.end) return std::nullopt;
      place = begun_++;
    }
    try {
      work = setup_.begin(place, thread);
    } catch (...) {
      made.failure = std::current_exception();
    }
    return place;
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wanted_.notify_all();
    if (setup_.on_stop) setup_.on_stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  const Setup setup_;
  std::mutex begin_mutex_, mutex_;  // in this order
  std::condition_variable wanted_, arrived_;
  std::map<int64_t, Made> ready_;
  int64_t begun_, next_;  // the first place that is not begun; the consumer's, who alone changes it
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fsc
