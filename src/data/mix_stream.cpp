// data.train as one stream: of its only source, or of several, each with its share of the epoch.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data/detail_streams.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/rng.h"
#include "fsc/shards/shard_index.h"

namespace fsc::detail {
namespace {
using nlohmann::json;

/// Which source comes next is drawn in proportion to what each still has to give, so an epoch holds exactly its share of every
/// one.
class MixStream : public SampleStream {
 public:
  MixStream(const StreamSetup& setup, std::vector<std::unique_ptr<SampleStream>> streams)
      : seed_(setup.seed), shuffle_(setup.data->shuffle), streams_(std::move(streams)) {
    for (size_t i = 0; i < streams_.size(); ++i) {
      const double weight = setup.data->train[i].weight, count = weight * static_cast<double>(streams_[i]->size());
      if (count > static_cast<double>(kMaxSamples))
        throw UsageError(setup.data->source_name(i) + ".weight: an epoch would have more than " + std::to_string(kMaxSamples) +
                         " samples of " + setup.data->train[i].path);
      counts_.push_back(std::max<int64_t>(1, std::llround(count)));
      size_ += counts_.back();
      repeats_ |= streams_[i]->repeats_images() || weight > 1;
    }
  }

  int64_t size() const override { return size_; }
  bool repeats_images() const override { return repeats_; }
  std::string fingerprint() const override {
    if (streams_.size() == 1) return streams_[0]->fingerprint();
    std::string all;
    for (const auto& stream : streams_) all += stream->fingerprint() + "\n";
    return std::to_string(streams_.size()) + " sources, SHA-256 " + sha256_hex(all);
  }

  void start(uint64_t epoch) override {
    epoch_ = epoch;
    draw_ = 0;
    left_ = counts_;
    for (auto& stream : streams_) stream->start(epoch);
  }

  RawSample next() override {
    const size_t source = choose();
    --left_[source];
    ++draw_;
    current_ = source;
    return streams_[source]->next();
  }

  std::string state() const override {
    json states = json::array();
    for (const auto& stream : streams_) states.push_back(stream->state());
    return json{{"draw", draw_}, {"left", left_}, {"streams", states}}.dump();
  }
  void restore(const std::string& state) override {
    const json all = json::parse(state);
    draw_ = all.at("draw").get<uint64_t>();
    left_ = all.at("left").get<std::vector<int64_t>>();
    if (left_.size() != streams_.size())
      throw Error("a state of the loader with " + std::to_string(left_.size()) + " sources; data.train has " +
                  std::to_string(streams_.size()));
    for (size_t i = 0; i < streams_.size(); ++i) streams_[i]->restore(all.at("streams").at(i).get<std::string>());
  }

  bool is_partial() const override {
    return std::any_of(streams_.begin(), streams_.end(), [](const auto& stream) { return stream->is_partial(); });
  }
  std::string merged(const std::vector<std::string>& states) const override {
    std::vector<json> parsed;
    for (const auto& state : states) parsed.push_back(json::parse(state));
    json whole = parsed.at(0);
    for (size_t i = 0; i < streams_.size(); ++i) {
      std::vector<std::string> of_source;
      for (const json& state : parsed) of_source.push_back(state.at("streams").at(i).get<std::string>());
      whole["streams"][i] = streams_[i]->merged(of_source);
    }
    return whole.dump();
  }

  void interrupt() override {
    for (auto& stream : streams_) stream->interrupt();
  }
  StreamSeconds seconds() const override {
    StreamSeconds sum;
    for (const auto& stream : streams_) sum.read += stream->seconds().read, sum.untar += stream->seconds().untar;
    return sum;
  }
  std::string place() const override { return streams_[current_]->place(); }

 private:
  size_t choose() {
    int64_t all = 0;
    for (const int64_t left : left_) all += left;
    if (all == 0) left_ = counts_, all = size_;  // past the end: the epoch begins again
    int64_t at = shuffle_
                     ? static_cast<int64_t>(
                           Rng({seed_, static_cast<uint64_t>(Stream::kMix), epoch_, draw_}).below(static_cast<uint64_t>(all)))
                     : 0;
    for (size_t i = 0; i < left_.size(); ++i) {
      if (at < left_[i]) return i;
      at -= left_[i];
    }
    return 0;
  }

  uint64_t seed_;
  bool shuffle_;
  std::vector<std::unique_ptr<SampleStream>> streams_;
  std::vector<int64_t> counts_;  // samples an epoch takes of each
  int64_t size_ = 0;
  bool repeats_ = false;

  uint64_t epoch_ = 0, draw_ = 0;
  std::vector<int64_t> left_;
  std::atomic<size_t> current_ = 0;
};

}  // namespace

uint64_t sample_index(uint64_t name, uint64_t source, uint64_t pass) {
  constexpr uint64_t kSources = uint64_t{1} << 10, kPasses = uint64_t{1} << 14;
  const uint64_t index = name + (source % kSources << 40) + (pass % kPasses << 50);
  const uint64_t beyond = (pass / kPasses << 32) + source / kSources;
  return beyond == 0 ? index : mix64(index + mix64(beyond));
}

std::unique_ptr<SampleStream> mix_streams(const StreamSetup& setup, std::vector<std::unique_ptr<SampleStream>> streams) {
  return std::make_unique<MixStream>(setup, std::move(streams));
}

}  // namespace fsc::detail

namespace fsc {

std::unique_ptr<SampleStream> open_stream_of(const StreamSetup& setup, std::vector<RawSample>& missing) {
  std::vector<std::unique_ptr<SampleStream>> streams;
  for (uint32_t i = 0; i < setup.data->train.size(); ++i) {
    const bool shards = setup.data->train[i].format == SourceFormat::kWebdataset;
    streams.push_back(shards ? detail::open_shard_stream(setup, i) : detail::open_pair_stream(setup, i, missing));
  }
  if (streams.size() == 1 && setup.data->train[0].weight == 1) return std::move(streams[0]);
  return detail::mix_streams(setup, std::move(streams));
}

}  // namespace fsc
