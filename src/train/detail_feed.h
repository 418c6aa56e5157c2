// The loader's batches on the learner's device, one ahead of the step.
#pragma once
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <array>
#include <memory>
#include <optional>

#include "fsc/core/ordered_workers.h"
#include "fsc/data/loader.h"

namespace fsc::detail {

/// Copies to a device on a stream of its own, beside what is computed there; on the CPU nothing is to be done.
class SideCopies {
 public:
  explicit SideCopies(torch::Device device);

  /// A batch on its way.
  struct Sent {
    Batch batch;
    std::optional<c10::Event> arrived;
  };
  /// From memory that the device reads by itself (pinned). Waits until the device has come to batch number - 2, so that a thread
  /// that runs far ahead of it does not fill its memory.
  Sent send(Batch batch, int64_t number);
  /// The batch for the calling thread's stream, which waits for it; the thread does not.
  Batch receive(Sent sent, int64_t number);

 private:
  torch::Device device_;
  std::optional<c10::Stream> stream_;
  std::array<std::optional<c10::Event>, 2> reached_;  // by number % 2: of number + 2 before it is sent, of number once received
};

/// While the step before computes, a thread has the loader put the next batch together, parts its texts and sends it to the
/// device.
class Feed {
 public:
  /// `loader` must outlive it, and between start() and the end of this only its constants may be asked for: place and counts are
  /// here.
  Feed(Loader& loader, torch::Device device, int64_t accum_freq);

  /// From `at` on, `count` batches.
  void start(const DataPlace& at, int64_t count);
  /// The next of them, on the device, its texts in accum_freq parts. Errors as Loader::next; Stopped as there.
  Batch next();
  /// Where the batch begins that comes after the last one handed out.
  DataPlace place() const { return place_; }
  /// Up to the last batch handed out; waiting is that of next().
  LoaderStats stats() const;

 private:
  struct Made {
    SideCopies::Sent sent;
    DataPlace place;
    LoaderStats stats;
  };
  void settle();
  Made make(int64_t number);

  Loader& loader_;
  SideCopies copies_;
  const int64_t accum_freq_;
  DataPlace place_;
  LoaderStats stats_;
  double waited_ = 0;
  std::unique_ptr<OrderedWorkers<Made>> thread_;  // last: it uses all of the above
};

}  // namespace fsc::detail
