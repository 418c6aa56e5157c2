// webdataset shards as a stream: shards in a shuffled order, divided among the processes, and a buffer that samples are drawn from.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "detail_shard_plan.h"
#include "detail_shard_sample.h"
#include "detail_streams.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/rng.h"
#include "fsc/shards/shard_list.h"

namespace fsc {
namespace {
using nlohmann::json;

constexpr int64_t kFirstFill = 1000;   // the buffer begins with so many and grows from draw to draw, so that a start is quick
constexpr int64_t kPatience = 100;     // samples without a caption before the first that has one

/// A sample and where it came from, so that a resumed run can fetch it again.
struct Held {
  int64_t run = 0, sample = 0;  ///< sample -1: the shard itself failed
  RawSample raw;
};

class ShardStream : public SampleStream {
 public:
  ShardStream(const StreamSetup& setup, uint32_t source)
      : setup_(setup), config_(setup.data->train[source]), source_(source), options_{.retries = setup.data->retries, .timeout_seconds = setup.data->timeout_seconds},
        samples_(config_, setup.negative_column), plan_(ShardPlan::open(setup, source, options_)),
        capacity_(setup.data->shuffle ? static_cast<size_t>(setup.data->shuffle_buffer) : 1) {}

  int64_t size() const override { return plan_.size(); }
  bool repeats_images() const override { return setup_.data->resampled; }
  std::string fingerprint() const override { return plan_.fingerprint(); }

  void start(uint64_t epoch) override {
    stop_ = std::stop_source();
    options_.stop = stop_.get_token();
    epoch_ = epoch;
    draw_ = 0;
    begin_pass(0);
  }
  void interrupt() override { stop_.request_stop(); }

  RawSample next() override {
    fill();
    while (buffer_.empty()) {
      begin_pass(pass_ + 1);
      fill();
    }
    size_t slot = 0;
    if (capacity_ > 1) slot = Rng({setup_.seed, static_cast<uint64_t>(Stream::kBuffer), epoch_, draw_, source_, rank()}).below(buffer_.size());
    ++draw_;
    RawSample raw = std::move(buffer_[slot].raw);
    buffer_[slot] = std::move(buffer_.back());
    buffer_.pop_back();
    return raw;
  }

  std::string state() const override {
    json held = json::array();
    for (const auto& item : buffer_) held.push_back({item.run, item.sample, item.raw.lost});
    return json{{"pass", pass_}, {"run", run_}, {"sample", sample_}, {"draw", draw_}, {"full", pass_over_}, {"begun", begun_}, {"held", held}}.dump();
  }

  void restore(const std::string& text) override {
    const json state = json::parse(text);
    begin_pass(state.at("pass").get<uint64_t>());
    run_ = state.at("run").get<int64_t>();
    draw_ = state.at("draw").get<uint64_t>();
    pass_over_ = state.at("full").get<bool>();
    begun_ = state.at("begun").get<bool>();
    fetch(state.at("held"));
    sample_ = state.at("sample").get<int64_t>();
    resumed_ = true;
  }

  StreamSeconds seconds() const override { return {read_seconds_, untar_seconds_}; }
  std::string place() const override {
    std::lock_guard lock(place_mutex_);
    return place_;
  }

 private:
  uint64_t rank() const { return static_cast<uint64_t>(setup_.rank); }

  void begin_pass(uint64_t pass) {
    pass_ = pass;
    plan_.begin(epoch_, pass);
    buffer_.clear();
    close_reader();
    run_ = 0;
    sample_ = plan_.has(0) ? plan_.run(0).first : 0;
    pass_over_ = begun_ = resumed_ = false;
  }

  void fill() {
    const size_t first = std::min(capacity_, static_cast<size_t>(kFirstFill));
    size_t wanted = begun_ ? std::min(capacity_, buffer_.size() + 2) : first;
    if (capacity_ == 1) wanted = 1;
    begun_ = true;
    while (!pass_over_ && buffer_.size() < wanted) {
      Held held;
      if (pull(held)) buffer_.push_back(std::move(held));
      else pass_over_ = true;
    }
  }

  /// The next sample of the plan, or what went wrong with a shard; false at the end of the pass.
  bool pull(Held& held) {
    while (plan_.has(run_)) {
      const ShardRun run = plan_.run(run_);
      held.run = run_;
      try {
        if (!reader_) open_reader(run);
        ShardSample sample;
        if ((run.last < 0 || sample_ < run.last) && reader_->next(sample)) {
          const int64_t number = sample_++;
          if (!plan_.takes(number)) continue;
          held.sample = number;
          held.raw = convert(run_, std::move(sample));
          return true;
        }
        if (end_of_shard(run, held)) return true;
      } catch (const UsageError&) {  // the config is wrong, not the shard
        throw;
      } catch (const Error& error) {
        const int64_t lost = run.last >= 0 ? std::max<int64_t>(1, run.last - sample_) : 1;
        held.raw = failure(run.shard, error.what(), lost);
        held.sample = -1;
        next_run();
        return true;
      }
    }
    return false;
  }

  /// Goes on to the next shard; true when this one ended too early, with what was lost in `held`.
  bool end_of_shard(const ShardRun& run, Held& held) {
    const int64_t expected = run.last >= 0 ? run.last - sample_ : 0;
    ShardSample further;  // the end of a shard whose size is known is looked at too
    if (run.last == plan_.size_of(run.shard) && expected == 0 && reader_->next(further))
      spdlog::warn("{} has more samples than its sizes.json says ({}); they are not used", plan_.url(run.shard), run.last);
    const bool cut = reader_->truncated();
    if (!any_caption_ && without_caption_ > 0) no_captions();
    next_run();
    if (!cut && expected <= 0) return false;
    held.raw = failure(run.shard, cut ? "ends in the middle of a sample; what was whole is used" : "has fewer samples than its sizes.json says",
                       std::max<int64_t>(1, expected));
    held.sample = -1;
    return true;
  }

  void next_run() {
    close_reader();
    ++run_;
    sample_ = plan_.has(run_) ? plan_.run(run_).first : 0;
  }

  void open_reader(const ShardRun& run) {
    {
      std::lock_guard lock(place_mutex_);
      place_ = plan_.url(run.shard);
    }
    reader_ = std::make_unique<ShardReader>(plan_.url(run.shard), options_);
    // A resumed run stands inside the shard; otherwise sample_ is where the run begins.
    if (sample_ > 0 && reader_->skip(sample_) < sample_ && resumed_)
      throw Error(plan_.url(run.shard) + " has fewer samples than when the run was interrupted");
    resumed_ = false;
  }

  void close_reader() {
    if (!reader_) return;
    read_seconds_ += reader_->read_seconds();
    untar_seconds_ += reader_->untar_seconds();
    reader_.reset();
  }

  RawSample convert(int64_t run, ShardSample&& sample) {
    RawSample raw;
    const std::string name = shard_name(plan_.url(plan_.run(run).shard));
    raw.key = name + "/" + sample.key;
    raw.index = hash_text(raw.key) + source_ + (pass_ << 1);
    if (setup_.data->resampled) raw.index = mix64(raw.index + mix64(static_cast<uint64_t>(run)) + rank());
    raw.source = source_;
    Rng choice = Rng::of(setup_.seed, epoch_, raw.index, Stream::kCaption);
    samples_.read(std::move(sample), choice, raw);
    const bool no_caption = raw.problem.rfind("has no caption", 0) == 0;
    if (no_caption) {
      last_without_ = raw.key + " " + raw.problem;
      if (!any_caption_ && ++without_caption_ >= kPatience) no_captions();
    } else {
      any_caption_ = true;
    }
    if (!raw.problem.empty()) raw.problem = raw.key + " " + raw.problem;
    return raw;
  }

  [[noreturn]] void no_captions() const {
    throw UsageError("none of the first " + std::to_string(without_caption_) + " samples of " + config_.path + " has a caption under data.train.caption_key = " +
                     samples_.caption_keys() + "; the last: " + last_without_);
  }

  RawSample failure(int64_t shard, const std::string& what, int64_t lost) const {
    RawSample raw;
    const std::string& url = plan_.url(shard);
    raw.key = shard_name(url);
    raw.index = hash_text(url + "\nfailed");
    raw.problem = what.find(url) == std::string::npos ? url + " " + what : what;
    raw.lost = lost;
    raw.source = source_;
    return raw;
  }

  /// Reads again what the buffer held, shard by shard.
  void fetch(const json& held) {
    std::map<int64_t, std::map<int64_t, std::vector<size_t>>> wanted;  // shard -> sample -> places in the buffer
    for (const auto& item : held) {
      Held entry;
      entry.run = item.at(0).get<int64_t>();
      entry.sample = item.at(1).get<int64_t>();
      if (!plan_.has(entry.run)) throw Error("a state of the loader for other shards than " + config_.path);
      const int64_t shard = plan_.run(entry.run).shard;
      if (entry.sample >= 0) wanted[shard][entry.sample].push_back(buffer_.size());
      else entry.raw = failure(shard, "could not be read when the run was interrupted", item.at(2).get<int64_t>());
      buffer_.push_back(std::move(entry));
    }
    for (const auto& [shard, samples] : wanted) {
      ShardReader reader(plan_.url(shard), options_);
      int64_t at = 0;
      for (const auto& [number, places] : samples) {
        ShardSample sample;
        if (reader.skip(number - at) < number - at || !reader.next(sample))
          throw Error(plan_.url(shard) + " has fewer samples than when the run was interrupted");
        at = number + 1;
        for (const size_t place : places) buffer_[place].raw = convert(buffer_[place].run, ShardSample(sample));
      }
    }
  }

  const StreamSetup setup_;
  const TrainSourceConfig config_;
  const uint32_t source_;
  std::stop_source stop_;
  StreamOptions options_;
  const ShardSampleReader samples_;
  ShardPlan plan_;
  const size_t capacity_;

  uint64_t epoch_ = 0, pass_ = 0, draw_ = 0;
  int64_t run_ = 0, sample_ = 0;  // place in the plan, and the next sample of its shard
  bool pass_over_ = false, begun_ = false, resumed_ = false;
  std::vector<Held> buffer_;
  std::unique_ptr<ShardReader> reader_;
  int64_t without_caption_ = 0;
  bool any_caption_ = false;
  std::string last_without_;
  double read_seconds_ = 0, untar_seconds_ = 0;
  mutable std::mutex place_mutex_;
  std::string place_;
};

}  // namespace

std::unique_ptr<SampleStream> open_shard_stream(const StreamSetup& setup, uint32_t source) { return std::make_unique<ShardStream>(setup, source); }

}  // namespace fsc
