// Workers make this process's samples of the epoch's order ahead; the consumer puts them together to batches, as all processes
// do.
#include "fsc/data/loader.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "data/detail_bad_samples.h"
#include "data/detail_batch_builder.h"
#include "data/detail_epoch_order.h"
#include "data/detail_sample_maker.h"
#include "data/detail_timed.h"
#include "data/detail_together.h"
#include "data/detail_watchdog.h"
#include "fsc/core/clock.h"
#include "fsc/core/error.h"
#include "fsc/core/ordered_workers.h"
#include "fsc/data/collate.h"
#include "fsc/tensor/worker_thread.h"

namespace fsc {
using namespace detail;

namespace {

Made made_elsewhere(int64_t owner) {
  Made made;
  made.raw.owner = owner;
  return made;
}

}  // namespace

class Loader::Impl {
 public:
  explicit Impl(LoaderSetup setup)
      : setup_(std::move(setup)),
        together_(setup_.rank, setup_.exchange),
        maker_(together_.guard([&] { return SampleMaker(setup_); })) {
    together_.guard([&] { open(); });
  }

  int64_t per_batch() const { return setup_.batch_size * setup_.accum_freq; }

  void start(const DataPlace& at) {
    together_.guard([&] { begin_at(at); });
  }

  Batch next() {
    TORCH_CHECK(workers_, "next() before start()");
    return together_.guard([&] { return make_batch(); });
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
  std::unique_ptr<SampleStream> stream_;  // while workers run, theirs but for place(), merged() and interrupt()
  std::string fingerprint_;

 private:
  void open() {
    TORCH_CHECK(setup_.world == 1 || setup_.exchange, "several processes need LoaderSetup::exchange");
    const bool column = setup_.negatives.source == NegativeSource::kColumn;
    std::vector<RawSample> missing;
    stream_ = open_stream_of(
        {&setup_.data, column ? setup_.negatives.column : "", setup_.seed, setup_.rank, setup_.world, &together_}, missing);
    bad_ = std::make_unique<BadSamples>(setup_.bad_samples_file, setup_.rank == 0, setup_.data.max_bad_samples,
                                        stream_->size() + static_cast<int64_t>(missing.size()));
    for (const auto& sample : missing) bad_->add(sample);
    bad_->check();
    fingerprint_ = stream_->fingerprint();
    for (const auto& kind : maker_.texts())
      if (!kind.fingerprint.empty()) fingerprint_ += ", " + kind.fingerprint;
    const AvoidDuplicates wanted = setup_.data.avoid_duplicates;
    apart_ = wanted == AvoidDuplicates::kTrue || (wanted == AvoidDuplicates::kAuto && stream_->repeats_images());
    stats_.by_source.resize(setup_.data.train.size());
    if (per_batch() > stream_->size())
      throw Error(fmt::format("{} = {} is larger than the data: {} has {} usable samples", batch_name(), per_batch(),
                              setup_.data.name(), stream_->size()));
    order_ = std::make_unique<EpochOrder>(*stream_, per_batch());
    fix_thread_count();
    together_.all("");  // that nobody goes on alone where another could not open its data
  }

  const char* batch_name() const {
    return setup_.accum_freq > 1 ? "train.batch_size times train.accum_freq" : "train.batch_size";
  }

  void begin_at(const DataPlace& at) {
    stop();
    begins_at_ = at;
    batch_ = at.batch;
    epoch_ = at.epoch;
    const OrderPlace from = order_->start(static_cast<uint64_t>(epoch_), at.state);
    promised_ = from.waiting;
    next_ = from.next;
    order_->join_states(order_->first() + 1, together_.all(order_->own_states(order_->first() + 1)));
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

  Batch make_batch() {
    if (epoch_is_over()) begin_at(place());
    if (last_call_) stats_.elapsed += seconds_since(*last_call_);
    const auto begin = Clock::now();
    batch_begins_at_ = where();
    BatchBuilder builder(setup_.rank, setup_.world);
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

  bool epoch_is_over() const { return batch_ == (epoch_ + 1) * (stream_->size() / per_batch()); }

  OrderPlace where() const {
    OrderPlace at{next_, {}};
    for (const auto& [draw, placed] : waiting_) at.waiting.push_back(draw);
    at.waiting.insert(at.waiting.end(), promised_.begin(), promised_.end());
    return at;
  }

  // --- the workers

  OrderedWorkers<Made>::Work begin(int64_t draw, Activity& activity) {
    auto raw = order_->read(draw);
    if (!raw) return {};
    if (raw->owner < 0) raw->owner = draw % setup_.world;
    if (raw->owner != setup_.rank) return [owner = raw->owner] { return made_elsewhere(owner); };
    activity.set(Stage::kRead, raw->key);
    return [this, raw = std::move(*raw), &activity]() mutable {
      const Activity::Rest rest(activity);
      return maker_.make(std::move(raw), static_cast<uint64_t>(epoch_), activity);
    };
  }

  // --- the consumer

  /// This process's results of the places, waited for. A lone one drops what comes after a failure: bad samples before it may end
  /// the run with better words. Several have to go on alike.
  void take(std::vector<int64_t>& draws) {
    const Timed timed(stats_, Stage::kWait);
    for (size_t i = 0; i < draws.size(); ++i) {
      if (taken_.count(draws[i]) > 0) continue;
      watchdog_->wait_begins();
      try {
        taken_.emplace(draws[i], workers_->take(draws[i]));
      } catch (...) {
        if (setup_.world > 1 || i == 0) throw;
        return draws.resize(i);  // it is thrown again for who asks again
      }
    }
  }

  /// Lets all processes know these places: rising, and none of them known yet.
  void learn(std::vector<int64_t> draws) {
    if (bad_failure_) std::rethrow_exception(bad_failure_);
    take(draws);
    WordsOut records, words;
    for (const int64_t draw : draws)
      if (const Made& made = taken_.at(draw); made.raw.owner == setup_.rank) PlaceRecord::of(made, setup_.rank).write(records);
    words.add(order_->own_states(draws.back() + 1));
    words.add(records.bytes());
    const auto replies = together_.all(words.bytes());
    std::vector<std::string> states, records_of_ranks;
    for (const auto& reply : replies) {
      WordsIn in(reply);
      states.push_back(in.text());
      records_of_ranks.push_back(in.text());
    }
    order_->join_states(draws.back() + 1, states);
    std::vector<WordsIn> records_in(records_of_ranks.begin(), records_of_ranks.end());
    for (const int64_t draw : draws) {
      Made made = std::move(taken_.extract(draw).mapped());
      const int64_t owner = made.raw.owner;
      known_.emplace(draw, Placed{PlaceRecord::read(records_in.at(static_cast<size_t>(owner)), owner), std::move(made)});
    }
  }

  /// Samples that wait come first, those among them that waited when the run was interrupted, too.
  void add_waiting(BatchBuilder& builder) {
    if (!promised_.empty()) {
      for (size_t done = 0; done < promised_.size(); done = known_.size())
        learn({promised_.begin() + static_cast<std::ptrdiff_t>(done), promised_.end()});
      for (const int64_t draw : promised_)
        if (Placed placed = known(draw); is_usable(placed)) waiting_.emplace(draw, std::move(placed));
      promised_.clear();
    }
    for (auto it = waiting_.begin(); it != waiting_.end() && builder.size() < per_batch();) {
      if (builder.collides(it->second.record))
        ++it;
      else
        builder.add(std::move(it->second)), it = waiting_.erase(it);
    }
  }

  void add_one(BatchBuilder& builder) {
    // The order is at its end, or enough wait: then the first in line comes although it is a duplicate.
    if (!waiting_.empty() && (waiting_.size() >= kLookAhead || next_ >= stream_->size())) {
      add_duplicate(builder, std::move(waiting_.begin()->second));
      waiting_.erase(waiting_.begin());
      return;
    }
    if (known_.empty()) learn(next_places(per_batch() - builder.size()));
    const int64_t draw = next_++;
    Placed placed = known(draw);
    count(placed.made.counts);
    if (!is_usable(placed)) return;
    if (!builder.collides(placed.record)) {
      builder.add(std::move(placed));
    } else if (apart_) {
      stats_.duplicates_moved += placed.record.owner == setup_.rank;
      waiting_.emplace(draw, std::move(placed));
    } else {
      add_duplicate(builder, std::move(placed));
    }
  }

  void add_duplicate(BatchBuilder& builder, Placed placed) {
    stats_.duplicates_left += placed.record.owner == setup_.rank;
    builder.add(std::move(placed));
  }

  /// Up to `count` places from the next one on; those beyond the order's end only where nothing else is left.
  std::vector<int64_t> next_places(int64_t count) const {
    if (next_ < stream_->size()) count = std::min(count, stream_->size() - next_);
    std::vector<int64_t> draws(static_cast<size_t>(count));
    std::iota(draws.begin(), draws.end(), next_);
    return draws;
  }

  Placed known(int64_t draw) { return std::move(known_.extract(draw).mapped()); }

  /// Counts and names a bad sample. Error, of all processes alike, when there are too many.
  bool is_usable(Placed& placed) {
    if (placed.record.is_usable) return true;
    RawSample& bad = placed.record.bad;
    if (setup_.world > 1) bad.problem += fmt::format(" (rank {})", placed.record.owner);
    try {
      bad_->add(bad);
    } catch (const Error&) {
      bad_failure_ = std::current_exception();  // of this process alone, which the others hear of when they ask for more
    }
    bad_->check();
    return false;
  }

  Batch finish(BatchBuilder& builder) {
    const std::vector<int64_t> rows = builder.rows_of_ranks();
    const auto fewest = std::min_element(rows.begin(), rows.end());
    if (*fewest < setup_.accum_freq && setup_.world > 1)
      throw Error(
          fmt::format("rank {} has {} of the {} samples of a batch, and needs {} at least: start fewer processes, or raise {}{}",
                      fewest - rows.begin(), *fewest, per_batch(), setup_.accum_freq, batch_name(),
                      stream_->is_partial() ? ", or set data.shard_streams to a multiple of the processes" : ""));
    if (setup_.negatives.avoid_batch_captions) stats_.negatives_dropped += builder.drop_wrong_texts_that_are_right();
    const Timed timed(stats_, Stage::kCollate);
    Batch batch = collate(builder.take(stats_), text_layout(*setup_.tokenizer, setup_.context_length));
    batch.rows_of_ranks = rows;
    return batch;
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
    for (auto* places : {&waiting_, &known_}) places->clear();
    taken_.clear();
    promised_.clear();
    batch_begins_at_.reset();
    last_call_.reset();
  }

  Together together_;
  const SampleMaker maker_;
  std::unique_ptr<BadSamples> bad_;
  LoaderStats stats_;
  bool apart_ = false;  // duplicates are kept apart
  std::exception_ptr bad_failure_;
  std::optional<Clock::time_point> last_call_;

  int64_t batch_ = 0, epoch_ = 0;
  std::optional<DataPlace> begins_at_;         // while an epoch is opened, and where that failed
  std::optional<OrderPlace> batch_begins_at_;  // while a batch is put together, and where that failed
  int64_t next_ = 0;                           // the first place of the order that no batch has been offered
  std::map<int64_t, Made> taken_;              // what the workers have made here, before the others know of it
  std::map<int64_t, Placed> known_;            // what all know, from next_ on
  std::map<int64_t, Placed> waiting_;          // samples for a later batch, by their places
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
