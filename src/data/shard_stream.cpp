// One of the streams over webdataset shards: its part of the shards in a shuffled order, and a buffer that samples are drawn
// from.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "data/detail_held_sample.h"
#include "data/detail_shard_plan.h"
#include "data/detail_shard_sample.h"
#include "data/detail_streams.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/rng.h"
#include "fsc/shards/shard_list.h"

namespace fsc::detail {
namespace {
using nlohmann::json;

constexpr size_t kFirstFill =
    1000;                           // of all streams together; the buffer grows from there draw by draw, so that a start is quick
constexpr int64_t kPatience = 100;  // samples without a caption before the first that has one

class ShardStream : public SampleStream {
 public:
  ShardStream(const StreamSetup& setup, uint32_t source, const StreamOptions& options, std::shared_ptr<const ShardList> shards,
              int64_t stream)
      : setup_(setup),
        config_(setup.data->train[source]),
        source_(source),
        stream_(static_cast<uint64_t>(stream)),
        streams_(static_cast<size_t>(setup.data->shard_streams)),
        options_(options),
        samples_(config_, setup.negative_column),
        plan_(setup, source, std::move(shards), stream),
        capacity_(setup.data->shuffle ? share_of(static_cast<size_t>(setup.data->shuffle_buffer)) : 1),
        most_bytes_(setup.data->shuffle_buffer_mb > 0 ? (static_cast<uint64_t>(setup.data->shuffle_buffer_mb) << 20) / streams_
                                                      : UINT64_MAX) {}

  int64_t size() const override { return plan_.list().samples; }
  bool repeats_images() const override { return setup_.data->resampled; }
  std::string fingerprint() const override { return plan_.list().fingerprint(); }

  void start(uint64_t epoch) override {
    stop_ = std::stop_source();
    options_.stop = stop_.get_token();
    epoch_ = epoch;
    draw_ = 0;
    fruitless_passes_ = 0;
    begin_pass(0);
  }
  void interrupt() override { stop_.request_stop(); }

  RawSample next() override {
    fill();
    while (buffer_.empty()) {
      fruitless_passes_ = fruitful_ ? 0 : fruitless_passes_ + 1;
      // The next pass gives one of several streams another part.
      if (fruitless_passes_ >= streams_) no_samples();
      begin_pass(pass_ + 1);
      fill();
    }
    size_t slot = 0;
    if (capacity_ > 1)
      slot = Rng({setup_.seed, static_cast<uint64_t>(Stream::kBuffer), epoch_, draw_, source_, stream_}).below(buffer_.size());
    ++draw_;
    RawSample raw = std::move(buffer_[slot].raw);
    held_bytes_ -= bytes_of(raw);
    buffer_[slot] = std::move(buffer_.back());
    buffer_.pop_back();
    return raw;
  }

  std::string state() const override {
    json held = json::array();
    for (const auto& item : buffer_) held.push_back({item.part, item.sample, item.raw.lost});
    return json{{"pass", pass_},      {"run", part_},    {"sample", sample_}, {"draw", draw_},
                {"full", pass_over_}, {"begun", begun_}, {"held", held}}
        .dump();
  }

  void restore(const std::string& text) override {
    const json state = json::parse(text);
    begin_pass(state.at("pass").get<uint64_t>());
    part_ = state.at("run").get<int64_t>();
    draw_ = state.at("draw").get<uint64_t>();
    pass_over_ = state.at("full").get<bool>();
    begun_ = state.at("begun").get<bool>();
    fetch(state.at("held"));
    sample_ = state.at("sample").get<int64_t>();
    resumed_ = fruitful_ = fruitful_part_ = true;  // whether there were samples before is not known: the next pass will tell
  }

  StreamSeconds seconds() const override { return {read_seconds_, untar_seconds_}; }
  std::string place() const override {
    std::lock_guard lock(place_mutex_);
    return place_;
  }

 private:
  size_t share_of(size_t whole) const { return std::max<size_t>(1, whole / streams_); }

  void begin_pass(uint64_t pass) {
    pass_ = pass;
    plan_.begin(epoch_, pass);
    buffer_.clear();
    held_bytes_ = 0;
    close_reader();
    part_ = 0;
    sample_ = plan_.has(0) ? plan_.part(0).first : 0;
    pass_over_ = begun_ = resumed_ = fruitful_ = fruitful_part_ = false;
    fruitless_.clear();
  }

  void fill() {
    const size_t first = std::min(capacity_, share_of(kFirstFill));
    size_t wanted = begun_ ? std::min(capacity_, buffer_.size() + 2) : first;
    if (capacity_ == 1) wanted = 1;
    begun_ = true;
    while (!pass_over_ && buffer_.size() < wanted && (buffer_.empty() || held_bytes_ < most_bytes_)) {
      Held held;
      if (pull(held))
        hold(std::move(held));
      else
        pass_over_ = true;
    }
  }

  void hold(Held held) {
    held_bytes_ += bytes_of(held.raw);
    buffer_.push_back(std::move(held));
  }

  /// The next sample of the plan, or what went wrong with a shard; false at the end of the pass.
  bool pull(Held& held) {
    while (plan_.has(part_) && !nothing_anywhere()) {
      const ShardPart part = plan_.part(part_);
      held.part = part_;
      try {
        if (!reader_) open_reader(part);
        ShardSample sample;
        if ((part.last < 0 || sample_ < part.last) && reader_->next(sample)) {
          const int64_t number = sample_++;
          if (!plan_.takes(number)) continue;
          held.sample = number;
          held.raw = convert(part_, std::move(sample));
          note_sample(held.raw);
          return true;
        }
        if (end_of_shard(part, held)) return true;
      } catch (const UsageError&) {  // the config is wrong, not the shard
        throw;
      } catch (const ReadStopped&) {  // nothing is wrong; who asks again begins where this ended
        close_reader();
        throw;
      } catch (const Error& error) {
        const int64_t lost = part.last >= 0 ? std::max<int64_t>(1, part.last - sample_) : 1;
        held.raw = failure(part.shard, error.what(), lost);
        held.sample = -1;
        next_part();
        return true;
      }
    }
    return false;
  }

  /// Goes on to the next shard; true when this one ended too early, with what was lost in `held`.
  bool end_of_shard(const ShardPart& part, Held& held) {
    const int64_t expected = part.last >= 0 ? part.last - sample_ : 0;
    ShardSample further;  // the end of a shard whose size is known is looked at too
    if (part.last == plan_.size_of(part.shard) && expected == 0 && reader_->next(further))
      spdlog::warn("{} has more samples than its sizes.json says ({}); they are not used", plan_.name(part.shard), part.last);
    const bool cut = reader_->truncated();
    if (!any_caption_ && without_caption_ > 0) no_captions();
    next_part();
    if (!cut && expected <= 0) return false;
    held.raw = failure(
        part.shard, cut ? "ends in the middle of a sample; what was whole is used" : "has fewer samples than its sizes.json says",
        std::max<int64_t>(1, expected));
    held.sample = -1;
    return true;
  }

  void next_part() {
    close_reader();
    if (setup_.data->resampled && !fruitful_part_) fruitless_.insert(plan_.part(part_).shard);
    fruitful_part_ = false;
    ++part_;
    sample_ = plan_.has(part_) ? plan_.part(part_).first : 0;
  }

  void note_sample(const RawSample& raw) {
    if (!raw.problem.empty()) {
      last_problem_ = raw.problem;
      return;
    }
    fruitful_ = fruitful_part_ = true;
    fruitless_.clear();
  }

  /// Shards that are drawn have no pass that ends: it is over when each has been drawn since the last sample, and none gave one.
  bool nothing_anywhere() const { return static_cast<int64_t>(fruitless_.size()) == plan_.shards(); }

  [[noreturn]] void no_samples() const {
    std::string why = "the shards are empty";
    if (!last_problem_.empty())
      why = "the last problem: " + last_problem_;
    else if (plan_.takes_some())
      why = "stream " + std::to_string(stream_) + " takes every " + std::to_string(streams_) +
            "th sample of each shard, and they have too few: lower data.shard_streams";
    throw Error(setup_.data->source_name(source_) + " = " + shown_url(config_.path) + ": a whole pass over its " +
                std::to_string(plan_.shards()) + " shards gave no sample that can be used; " + why);
  }

  void open_reader(const ShardPart& part) {
    {
      std::lock_guard lock(place_mutex_);
      place_ = plan_.name(part.shard);
    }
    reader_ = std::make_unique<ShardReader>(plan_.url(part.shard), options_);
    // A resumed run stands inside the shard; otherwise sample_ is where the part begins.
    if (sample_ > 0 && reader_->skip(sample_) < sample_ && resumed_)
      throw Error(plan_.name(part.shard) + " has fewer samples than when the run was interrupted");
    resumed_ = false;
  }

  void close_reader() {
    if (!reader_) return;
    read_seconds_ += reader_->read_seconds();
    untar_seconds_ += reader_->untar_seconds();
    reader_.reset();
  }

  RawSample convert(int64_t part, ShardSample&& sample) {
    RawSample raw;
    const std::string name = shard_name(plan_.url(plan_.part(part).shard));
    raw.key = name + "/" + sample.key;
    raw.index = sample_index(hash_text(raw.key), source_, pass_);
    if (setup_.data->resampled) raw.index = mix64(raw.index + mix64(static_cast<uint64_t>(part)) + stream_);
    raw.source = source_;
    if (sample.problem.empty()) {
      Rng choice = Rng::of(setup_.seed, epoch_, raw.index, Stream::kCaption);
      samples_.read(std::move(sample), choice, raw);
      note_caption(raw);
    } else {
      raw.fail(SampleProblem::kFiles, sample.problem);
    }
    if (!raw.problem.empty()) raw.problem = shortened(raw.key + " " + raw.problem);
    std::string& bytes = raw.image_bytes;  // held for long, perhaps
    if (bytes.capacity() > bytes.size() + bytes.size() / 8) bytes.shrink_to_fit();
    return raw;
  }

  void note_caption(const RawSample& raw) {
    if (raw.lacks != SampleProblem::kCaption) {
      any_caption_ = true;
      return;
    }
    last_without_ = raw.key + " " + raw.problem;
    if (!any_caption_ && ++without_caption_ >= kPatience) no_captions();
  }

  [[noreturn]] void no_captions() const {
    throw UsageError("none of the first " + std::to_string(without_caption_) + " samples of " + config_.path +
                     " has a caption under data.train.caption_key = " + samples_.caption_keys() + "; the last: " + last_without_);
  }

  RawSample failure(int64_t shard, const std::string& what, int64_t lost) {
    RawSample raw;
    const std::string name = plan_.name(shard);
    raw.key = shard_name(plan_.url(shard));
    raw.index = hash_text(plan_.url(shard) + "\nfailed");
    raw.fail(SampleProblem::kShard, what.find(name) == std::string::npos ? name + " " + what : what);
    raw.lost = lost;
    raw.source = source_;
    last_problem_ = raw.problem;
    return raw;
  }

  /// Reads again what the buffer held, shard by shard.
  void fetch(const json& held) {
    std::map<int64_t, std::map<int64_t, std::vector<size_t>>> wanted;  // shard -> sample -> places in the buffer
    for (const auto& item : held) {
      Held entry;
      entry.part = item.at(0).get<int64_t>();
      entry.sample = item.at(1).get<int64_t>();
      if (!plan_.has(entry.part)) throw Error("a state of the loader for other shards than " + config_.path);
      const int64_t shard = plan_.part(entry.part).shard;
      if (entry.sample >= 0)
        wanted[shard][entry.sample].push_back(buffer_.size());
      else
        entry.raw = failure(shard, "could not be read when the run was interrupted", item.at(2).get<int64_t>());
      buffer_.push_back(std::move(entry));
    }
    for (const auto& [shard, samples] : wanted) {
      ShardReader reader(plan_.url(shard), options_);
      int64_t at = 0;
      for (const auto& [number, places] : samples) {
        ShardSample sample;
        if (reader.skip(number - at) < number - at || !reader.next(sample))
          throw Error(plan_.name(shard) + " has fewer samples than when the run was interrupted");
        at = number + 1;
        for (const size_t place : places) buffer_[place].raw = convert(buffer_[place].part, ShardSample(sample));
      }
    }
    for (const auto& entry : buffer_) held_bytes_ += bytes_of(entry.raw);
  }

  const StreamSetup setup_;
  const TrainSourceConfig config_;
  const uint32_t source_;
  const uint64_t stream_;  // its number
  const size_t streams_;
  std::stop_source stop_;
  StreamOptions options_;
  const ShardSampleReader samples_;
  ShardPlan plan_;
  const size_t capacity_;
  const uint64_t most_bytes_;

  uint64_t epoch_ = 0, pass_ = 0, draw_ = 0;
  int64_t part_ = 0, sample_ = 0;  // place in the plan, and the next sample of its shard
  bool pass_over_ = false, begun_ = false, resumed_ = false;
  std::vector<Held> buffer_;
  uint64_t held_bytes_ = 0;                        // of the buffer, as bytes_of() counts
  size_t fruitless_passes_ = 0;                    // since the last sample that can be used
  bool fruitful_ = false, fruitful_part_ = false;  // this pass, and this shard, gave a sample that can be used
  std::set<int64_t> fruitless_;                    // resampled: shards that were drawn since the last such sample
  std::string last_problem_;
  std::unique_ptr<ShardReader> reader_;
  int64_t without_caption_ = 0;
  bool any_caption_ = false;
  std::string last_without_;
  double read_seconds_ = 0, untar_seconds_ = 0;
  mutable std::mutex place_mutex_;
  std::string place_;
};

}  // namespace

std::unique_ptr<SampleStream> one_shard_stream(const StreamSetup& setup, uint32_t source, const StreamOptions& options,
                                               std::shared_ptr<const ShardList> shards, int64_t stream) {
  return std::make_unique<ShardStream>(setup, source, options, std::move(shards), stream);
}

}  // namespace fsc::detail
