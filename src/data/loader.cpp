// Workers make the samples of the epoch's order ahead; the consumer puts them together to batches.
#include "fsc/data/loader.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <map>

#include "data/detail_bad_samples.h"
#include "data/detail_batch_builder.h"
#include "data/detail_epoch_order.h"
#include "data/detail_sample_maker.h"
#include "data/detail_timed.h"
#include "data/detail_watchdog.h"
#include "fsc/core/clock.h"
#include "fsc/core/error.h"
#include "fsc/core/ordered_workers.h"
#include "fsc/data/collate.h"
#include "fsc/tensor/worker_thread.h"

namespace fsc {
using namespace detail;

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
    for (const auto& kind : maker_.texts())
      if (!kind.fingerprint.empty()) fingerprint_ += ", " + kind.fingerprint;
    const AvoidDuplicates wanted = setup_.data.avoid_duplicates;
    apart_ = wanted == AvoidDuplicates::kTrue || (wanted == AvoidDuplicates::kAuto && stream_->repeats_images());
    stats_.by_source.resize(setup_.data.train.size());
    if (per_batch() > stream_->size())
      throw Error(fmt::format("{} = {} is larger than the data: {} has {} usable samples",
                              setup_.accum_freq > 1 ? "train.batch_size times train.accum_freq" : "train.batch_size", per_batch(),
                              setup_.data.name(), stream_->size()));
    order_ = std::make_unique<EpochOrder>(*stream_, per_batch());
    fix_thread_count();
  }

  int64_t per_batch() const { return setup_.batch_size * setup_.accum_freq; }

  void start(const DataPlace& at) {
    stop();
    begins_at_ = at;
    batch_ = at.batch;
    epoch_ = at.epoch;
    const OrderPlace from = order_->start(static_cast<uint64_t>(epoch_), at.state);
    promised_ = from.waiting;
    begins_at_.reset();
    watchdog_ = std::make_unique<Watchdog>(static_cast<size_t>(setup_.data.workers), setup_.data.stall_seconds,
                                           [this] { return stream_->place(); });
    workers_ = std::make_unique<OrderedWorkers<Made>>(OrderedWorkers<Made>::Setup{
        .threads = setup_.data.workers,
        .window = setup_.data.prefetch * setup_.batch_size,
        .first = order_->first(),
        .next = from.next,
        .begin = [this](int64_t draw, size_t worker) { return begin(draw, watchdog_->of(worker)); },
        .on_thread = begin_worker_thread,
        .on_stop = [this] { stream_->interrupt(); },
        .on_wait = [this](double seconds) { watchdog_->look(seconds); },
    });
  }

  Batch next() {
    TORCH_CHECK(workers_, "next() before start()");
    if (epoch_is_over()) start(place());
    if (last_call_) stats_.elapsed += seconds_since(*last_call_);
    const auto begin = Clock::now();
    batch_begins_at_ = where();
    BatchBuilder builder;
    add_waiting(builder);
    while (builder.size() < per_batch()) add_one(builder);
    Batch batch = finish(builder);
    ++batch_;
    ++stats_.batches;
    order_->forget_before(where());
    batch_begins_at_.reset();
    last_call_ = Clock::now();
    stats_.elapsed += std::chrono::duration<double>(*last_call_ - begin).count();
    return batch;
  }

  DataPlace place() const {
    if (begins_at_) return *begins_at_;
    if (epoch_is_over()) return {batch_, epoch_ + 1};
    const OrderPlace at =
        batch_begins_at_ ? *batch_begins_at_ : where();  // a batch that next() could not finish was not handed out
    if (at.next == 0) return {batch_, epoch_};
    return {batch_, epoch_, at.next, order_->state(at)};
  }

  LoaderStats stats() const {
    LoaderStats stats = stats_;
    stats.bad_samples = bad_->count();
    const StreamSeconds stream = order_->seconds();  // not the stream's own: a worker may be in it until the consumer moves on
    stats.at(Stage::kRead) += stream.read;
    stats.at(Stage::kUntar) += stream.untar;
    return stats;
  }

  LoaderSetup setup_;
  std::unique_ptr<SampleStream> stream_;  // while workers run, theirs but for place() and interrupt()
  std::string fingerprint_;

 private:
  bool epoch_is_over() const { return batch_ == (epoch_ + 1) * (stream_->size() / per_batch()); }

  OrderPlace where() const {
    OrderPlace at{workers_ ? workers_->next() : 0, {}};
    for (const auto& [draw, made] : waiting_) at.waiting.push_back(draw);
    at.waiting.insert(at.waiting.end(), promised_.begin(), promised_.end());
    return at;
  }

  // --- the workers

  OrderedWorkers<Made>::Work begin(int64_t draw, Activity& activity) {
    auto raw = order_->read(draw);
    if (!raw) return {};
    activity.set(Stage::kRead, raw->key);
    return [this, raw = std::move(*raw), &activity]() mutable {
      const Activity::Rest rest(activity);
      return maker_.make(std::move(raw), static_cast<uint64_t>(epoch_), activity);
    };
  }

  // --- the consumer

  /// The sample at a place of the order, waited for.
  Made take(int64_t draw) {
    const Timed timed(stats_, Stage::kWait);
    watchdog_->wait_begins();
    return workers_->take(draw);
  }

  /// Samples that wait come first, those among them that waited when the run was interrupted, too.
  void add_waiting(BatchBuilder& builder) {
    for (const int64_t draw : promised_) waiting_.emplace(draw, take(draw));
    promised_.clear();
    for (auto it = waiting_.begin(); it != waiting_.end() && builder.size() < per_batch();) {
      if (builder.collides(it->second))
        ++it;
      else
        builder.add(std::move(it->second)), it = waiting_.erase(it);
    }
  }

  void add_one(BatchBuilder& builder) {
    const int64_t draw = workers_->next();
    // The order is at its end, or enough wait: then the first in line comes although it is a duplicate.
    if (!waiting_.empty() && (waiting_.size() >= kLookAhead || draw >= stream_->size())) {
      ++stats_.duplicates_left;
      builder.add(std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
      return;
    }
    Made made = take(draw);
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

  Batch finish(BatchBuilder& builder) {
    if (setup_.negatives.avoid_batch_captions) stats_.negatives_dropped += builder.drop_wrong_texts_that_are_right();
    const Timed timed(stats_, Stage::kCollate);
    return collate(builder.take(stats_), text_layout(*setup_.tokenizer, setup_.context_length));
  }

  void count(const LoaderStats& of_sample) {
    stats_.texts += of_sample.texts;
    stats_.truncated += of_sample.truncated;
    stats_.mojibake += of_sample.mojibake;
    stats_.invalid_utf8 += of_sample.invalid_utf8;
    stats_.negative_slots += of_sample.negative_slots;
    for (size_t i = 0; i < stats_.seconds.size(); ++i) stats_.seconds[i] += of_sample.seconds[i];
  }

  void stop() {
    workers_.reset();
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
  std::optional<DataPlace> begins_at_;         // while an epoch is opened, and where that failed
  std::optional<OrderPlace> batch_begins_at_;  // while a batch is put together, and where that failed
  std::map<int64_t, Made> waiting_;            // samples for a later batch, by their places
  std::vector<int64_t> promised_;              // places of samples that waited when the run was interrupted
  std::unique_ptr<EpochOrder> order_;
  std::unique_ptr<Watchdog> watchdog_;
  std::unique_ptr<OrderedWorkers<Made>> workers_;  // last: its threads use all of the above
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
