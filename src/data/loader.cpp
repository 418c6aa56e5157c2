// Workers take places of the epoch's order one after another; the consumer puts their samples back into that order.
#include "fsc/data/loader.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "data/detail_bad_samples.h"
#include "data/detail_batch_builder.h"
#include "data/detail_sample_maker.h"
#include "fsc/core/clock.h"
#include "fsc/core/error.h"
#include "fsc/core/stop.h"
#include "fsc/data/collate.h"

namespace fsc {
namespace {
using nlohmann::json;

}  // namespace

namespace detail {

/// A place of the order and the stream's state before it: from there the samples behind it can be had again.
struct Snapshot {
  int64_t draw = 0;
  std::string stream;
};

/// What has been handed out of an epoch's order: everything before `next` but the samples that wait for a later batch.
struct Place {
  int64_t next = 0;
  std::vector<int64_t> waiting;
};

}  // namespace detail

using detail::Place;
using detail::Snapshot;

class Loader::Impl {
 public:
  explicit Impl(LoaderSetup setup) : setup_(std::move(setup)), maker_(setup_) {
    const bool column = setup_.negatives.source == NegativeSource::kColumn;
    std::vector<RawSample> missing;
    stream_ =
        open_stream_of({&setup_.data, column ? setup_.negatives.column : "", setup_.seed, setup_.rank, setup_.world}, missing);
    bad_ = std::make_unique<BadSamples>(setup_.bad_samples_file, setup_.data.max_bad_samples,
                                        stream_->size() * setup_.world + static_cast<int64_t>(missing.size()));
    for (const auto& sample : missing) bad_->add(sample);
    bad_->check();
    fingerprint_ = stream_->fingerprint();
    if (const std::string model = maker_.negatives().text_model(); !model.empty())
      fingerprint_ += ", negatives by text model " + model;
    const AvoidDuplicates wanted = setup_.data.avoid_duplicates;
    apart_ = wanted == AvoidDuplicates::kTrue || (wanted == AvoidDuplicates::kAuto && stream_->repeats_images());
    stats_.by_source.resize(setup_.data.train.size());
    if (per_batch() > stream_->size())
      throw Error(fmt::format("{} = {} is larger than the data: {} has {} usable samples",
                              setup_.accum_freq > 1 ? "train.batch_size times train.accum_freq" : "train.batch_size", per_batch(),
                              setup_.data.name(), stream_->size()));
    at::get_num_threads();  // the main thread's count is fixed before workers choose theirs
  }

  ~Impl() { stop(); }

  int64_t per_batch() const { return setup_.batch_size * setup_.accum_freq; }

  void start(const DataPlace& at) {
    stop();
    begins_at_ = at;
    batch_ = at.batch;
    epoch_ = at.epoch;
    stream_->start(static_cast<uint64_t>(epoch_));
    taken_ = next_ = resumed_at_ = 0;
    kept_.clear();
    if (!at.state.empty()) resume(at.state);
    snapshots_ = {{taken_, stream_->state()}};
    begins_at_.reset();
    stopping_ = false;
    activities_ = std::vector<Activity>(static_cast<size_t>(setup_.data.workers));
    for (auto& activity : activities_) workers_.emplace_back([this, &activity] { work(activity); });
  }

  Batch next() {
    TORCH_CHECK(!workers_.empty(), "next() before start()");
    if (epoch_is_over()) start(place());
    if (last_call_) stats_.elapsed += seconds_since(*last_call_);
    const auto begin = Clock::now();
    batch_begins_at_ = where();
    collect_waiting();
    BatchBuilder builder;
    for (auto it = waiting_.begin(); it != waiting_.end() && builder.size() < per_batch();) {
      if (builder.collides(it->second))
        ++it;
      else
        builder.add(std::move(it->second)), it = waiting_.erase(it);
    }
    while (builder.size() < per_batch()) add_one(builder);
    if (setup_.negatives.avoid_batch_captions) stats_.negatives_dropped += builder.drop_negatives_that_are_captions();
    const auto collating = Clock::now();
    Batch batch = collate(builder.take(stats_), text_layout(*setup_.tokenizer, setup_.context_length));
    ++batch_;
    ++stats_.batches;
    stats_.at(Stage::kCollate) += seconds_since(collating);
    forget_snapshots();
    batch_begins_at_.reset();
    last_call_ = Clock::now();
    stats_.elapsed += std::chrono::duration<double>(*last_call_ - begin).count();
    return batch;
  }

  bool epoch_is_over() const { return batch_ == (epoch_ + 1) * (stream_->size() / per_batch()); }

  DataPlace place() const {
    if (begins_at_) return *begins_at_;
    if (epoch_is_over()) return {batch_, epoch_ + 1};
    const Place at = batch_begins_at_ ? *batch_begins_at_ : where();  // a batch that next() could not finish was not handed out
    if (at.next == 0) return {batch_, epoch_};
    std::lock_guard lock(mutex_);
    const Snapshot& from = snapshots_.front();
    return {batch_, epoch_, at.next,
            json{{"draw", at.next}, {"waiting", at.waiting}, {"from", from.draw}, {"stream", from.stream}}.dump()};
  }

  LoaderStats stats() const {
    LoaderStats stats = stats_;
    stats.bad_samples = bad_->count();
    std::lock_guard lock(mutex_);  // not the stream's: a worker may hold that until the consumer moves on
    stats.at(Stage::kRead) += stream_seconds_.read;
    stats.at(Stage::kUntar) += stream_seconds_.untar;
    return stats;
  }

  LoaderSetup setup_;
  std::unique_ptr<SampleStream> stream_;  // next() and state() under stream_mutex_ while workers run
  std::string fingerprint_;

 private:
  void resume(const std::string& text) {
    try {
      const json state = json::parse(text);
      next_ = resumed_at_ = state.at("draw").get<int64_t>();
      promised_ = kept_ = state.at("waiting").get<std::vector<int64_t>>();
      taken_ = state.at("from").get<int64_t>();
      stream_->restore(state.at("stream").get<std::string>());
    } catch (const json::exception& error) {
      throw Error(std::string("the loader's place in the data cannot be read from the checkpoint: ") + error.what());
    }
  }

  // --- the consumer

  Place where() const {
    Place at{next_, {}};
    for (const auto& [draw, made] : waiting_) at.waiting.push_back(draw);
    at.waiting.insert(at.waiting.end(), promised_.begin(), promised_.end());
    return at;
  }

  /// Samples that waited when the run was interrupted come first.
  void collect_waiting() {
    for (const int64_t draw : promised_) waiting_.emplace(draw, take(draw));
    promised_.clear();
  }

  void add_one(BatchBuilder& builder) {
    // The order is at its end, or enough wait: then the first in line comes although it is a duplicate.
    if (!waiting_.empty() && (waiting_.size() >= kLookAhead || next_ >= stream_->size())) {
      ++stats_.duplicates_left;
      builder.add(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
      return;
    }
    const int64_t draw = next_;
    Made made = take(draw);
    {
      std::lock_guard lock(mutex_);
      ++next_;
    }
    wanted_.notify_all();
    count(made.counts);
    if (!made.sample) {
      bad_->add(made.raw);
      bad_->check();
    } else if (!builder.collides(made)) {
      builder.add(std::move(made));
    } else if (apart_) {
      ++stats_.duplicates_moved;
      waiting_.emplace(draw, std::move(made));
    } else {
      ++stats_.duplicates_left;
      builder.add(std::move(made));
    }
  }

  /// The sample at a place of the order, waited for. A failure stays there, for who asks again.
  Made take(int64_t draw) {
    const auto begin = Clock::now();
    auto told = begin;
    std::unique_lock lock(mutex_);
    while (!arrived_.wait_for(lock, std::chrono::milliseconds(kStopPollMilliseconds), [&] { return ready_.count(draw) > 0; })) {
      check_stop();
      if (seconds_since(told) < setup_.data.stall_seconds) continue;
      lock.unlock();
      spdlog::warn("no sample for {:.0f} s: {}", seconds_since(begin), what_goes_on());
      told = Clock::now();
      lock.lock();
    }
    stats_.at(Stage::kWait) += seconds_since(begin);
    if (const auto& failure = ready_.at(draw).failure) std::rethrow_exception(failure);
    return std::move(ready_.extract(draw).mapped());
  }

  std::string what_goes_on() const {
    std::string text;
    for (size_t i = 0; i < activities_.size(); ++i) {
      const std::string at = activities_[i].text();
      text +=
          fmt::format("{}worker {} {}", i ? ", " : "", i, at.empty() ? "waits for the next sample of the source" : "is at " + at);
    }
    const std::string shard = stream_->place();
    return text + (shard.empty() ? "" : "; the shard being read is " + shard);
  }

  void count(const LoaderStats& of_sample) {
    stats_.texts += of_sample.texts;
    stats_.truncated += of_sample.truncated;
    stats_.mojibake += of_sample.mojibake;
    stats_.invalid_utf8 += of_sample.invalid_utf8;
    stats_.negative_slots += of_sample.negative_slots;
    for (size_t i = 0; i < stats_.seconds.size(); ++i) stats_.seconds[i] += of_sample.seconds[i];
  }

  /// Keeps the newest snapshot that lies before everything still to be handed out: one that exists for certain, wherever the
  /// workers are.
  void forget_snapshots() {
    const int64_t first = waiting_.empty() ? next_ : std::min(next_, waiting_.begin()->first);
    std::lock_guard lock(mutex_);
    while (snapshots_.size() > 1 && snapshots_[1].draw < first) snapshots_.pop_front();
  }

  // --- the workers

  void work(Activity& activity) {
    at::set_num_threads(1);
    torch::NoGradGuard no_graph;
    while (auto place = take_place(activity)) {
      auto& [draw, made] = *place;
      if (!made.failure) {
        try {
          made = maker_.make(std::move(made.raw), static_cast<uint64_t>(epoch_), activity);
        } catch (...) {  // anything but a bad sample: the consumer throws it when it comes to this place
          made.failure = std::current_exception();
        }
      }
      activity.rest();
      {
        std::lock_guard lock(mutex_);
        ready_.emplace(draw, std::move(made));
      }
      arrived_.notify_all();
    }
  }

  /// The next place of the order that somebody wants, with its sample as the stream has it; nullopt when the workers are to stop.
  std::optional<std::pair<int64_t, Made>> take_place(Activity& activity) {
    std::lock_guard stream_lock(stream_mutex_);  // places are taken and read one after another
    const int64_t window = setup_.data.prefetch * setup_.batch_size;
    while (true) {
      int64_t draw = 0;
      {
        std::unique_lock lock(mutex_);
        wanted_.wait(lock, [&] { return stopping_ || taken_ < next_ + window; });
        if (stopping_) return std::nullopt;
        draw = taken_++;
        if (draw % per_batch() == 0 && draw > snapshots_.back().draw) snapshots_.push_back({draw, stream_->state()});
      }
      Made made;
      try {
        made.raw = stream_->next();
      } catch (...) {
        made.failure = std::current_exception();
      }
      if (!note(draw)) continue;
      if (!made.failure) activity.set(Stage::kRead, made.raw.key);
      return std::make_pair(draw, std::move(made));
    }
  }

  /// After the stream's work. False for a place between the snapshot of a resumed run and its state: it was handed out before.
  bool note(int64_t draw) {
    std::lock_guard lock(mutex_);
    stream_seconds_ = stream_->seconds();
    return draw >= resumed_at_ || std::find(kept_.begin(), kept_.end(), draw) != kept_.end();
  }

  void stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wanted_.notify_all();
    if (!workers_.empty()) stream_->interrupt();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
    ready_.clear();
    waiting_.clear();
    promised_.clear();
    batch_begins_at_.reset();
    last_call_.reset();
  }

  const SampleMaker maker_;
  std::unique_ptr<BadSamples> bad_;
  LoaderStats stats_;
  bool apart_ = false;  // duplicates are kept apart
  std::optional<Clock::time_point> last_call_;

  int64_t batch_ = 0, epoch_ = 0;
  std::optional<DataPlace> begins_at_;  // while an epoch is opened, and where that failed
  std::vector<std::thread> workers_;
  std::vector<Activity> activities_;
  mutable std::mutex stream_mutex_, mutex_;  // in this order
  std::condition_variable wanted_, arrived_;
  std::map<int64_t, Made> ready_;         // place in the order -> sample
  std::optional<Place> batch_begins_at_;  // while a batch is put together, and where that failed
  std::map<int64_t, Made> waiting_;       // the consumer's: samples for a later batch
  std::vector<int64_t> promised_;         // places of samples that waited when the run was interrupted
  std::deque<Snapshot> snapshots_;
  int64_t taken_ = 0, next_ = 0;  // next place a worker takes, next place the consumer wants
  int64_t resumed_at_ = 0;        // places before it are skipped, but for those in kept_
  std::vector<int64_t> kept_;
  StreamSeconds stream_seconds_;
  bool stopping_ = false;
};

Loader::Loader(LoaderSetup setup) : impl_(std::make_unique<Impl>(std::move(setup))) {}
Loader::~Loader() = default;
int64_t Loader::samples() const { return impl_->stream_->size(); }
int64_t Loader::batches_per_epoch() const { return samples() / impl_->per_batch(); }
int64_t Loader::negatives_per_caption() const { return impl_->setup_.negatives.count(); }
const std::string& Loader::fingerprint() const { return impl_->fingerprint_; }
void Loader::start(const DataPlace& at) { impl_->start(at); }
Batch Loader::next() { return impl_->next(); }
DataPlace Loader::place() const { return impl_->place(); }
LoaderStats Loader::stats() const { return impl_->stats(); }

}  // namespace fsc
