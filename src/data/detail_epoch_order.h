// The order of an epoch, read place by place, and how an interrupted run finds its place in it again.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "fsc/data/sample_stream.h"

namespace fsc::detail {

/// What has been handed out of an epoch's order: everything before `next` but the samples that wait for a later batch.
struct OrderPlace {
  int64_t next = 0;
  std::vector<int64_t> waiting;
};

/// Numbers the samples of an endless stream and keeps its state at every batch's first place. What may be wanted again is read
/// again from the newest such state before it, so nobody needs to know how far ahead the stream has been read.
class EpochOrder {
 public:
  /// `stream` is kept by reference.
  EpochOrder(SampleStream& stream, int64_t per_batch) : stream_(stream), per_batch_(per_batch) {}

  /// Begins an epoch, or goes on from a state() in it; where that was. Error: `state` cannot be read.
  OrderPlace start(uint64_t epoch, const std::string& state = "");
  /// The place that is read first: behind start() at the earliest, or before it where something from there is wanted.
  int64_t first() const { return first_; }

  /// The sample at `draw`, the place after the one read last; nullopt where it was handed out before the run was interrupted.
  std::optional<RawSample> read(int64_t draw);

  // The consumer's, beside read() of another thread.
  /// Nothing before `at` will be wanted again.
  void forget_before(const OrderPlace& at);
  /// This process's words on the stream's state at places before `end` that it does not know the whole of; join_states() gets
  /// those of all processes, which have read as far.
  std::string own_states(int64_t end) const;
  void join_states(int64_t end, const std::vector<std::string>& words_of_ranks);
  /// What start() needs to go on at `at`, as JSON.
  std::string state(const OrderPlace& at) const;
  /// Spent by the stream, as of the last read().
  StreamSeconds seconds() const;

 private:
  /// A place of the order and the stream's state before it.
  struct Snapshot {
    int64_t draw = 0;
    std::string stream;
    bool whole = true;  ///< false: what others read is not joined yet
  };

  SampleStream& stream_;
  const int64_t per_batch_;
  int64_t first_ = 0;
  OrderPlace resumed_;  // of the places before its next only those that waited are wanted
  mutable std::mutex mutex_;
  std::deque<Snapshot> snapshots_;
  StreamSeconds seconds_;
};

}  // namespace fsc::detail
