// The streams over a source's shards, which take turns; each process reads those it owns.
#include <atomic>
#include <nlohmann/json.hpp>

#include "data/detail_streams.h"
#include "fsc/core/error.h"

namespace fsc::detail {
namespace {
using nlohmann::json;

/// At least two streams. Place q of the order is the next sample of stream q % streams.
class TakingTurns : public SampleStream {
 public:
  TakingTurns(const StreamSetup& setup, uint32_t source, const StreamOptions& options, std::shared_ptr<const ShardList> shards)
      : shards_(std::move(shards)),
        path_(setup.data->train[source].path),
        repeats_(setup.data->resampled),
        rank_(setup.rank),
        world_(setup.world),
        divided_(setup.world > 1 && setup.data->shard_streams >= setup.world),
        streams_(static_cast<size_t>(setup.data->shard_streams)) {
    for (size_t i = 0; i < streams_.size(); ++i)
      if (!divided_ || owner(i) == rank_)
        streams_[i] = one_shard_stream(setup, source, options, shards_, static_cast<int64_t>(i));
  }

  int64_t size() const override { return shards_->samples; }
  bool repeats_images() const override { return repeats_; }
  std::string fingerprint() const override { return shards_->fingerprint(); }

  void start(uint64_t epoch) override {
    turn_ = 0;
    for (auto& stream : streams_)
      if (stream) stream->start(epoch);
  }

  RawSample next() override {
    const size_t current = static_cast<size_t>(turn_) % streams_.size();
    RawSample raw;
    if (streams_[current]) {
      current_ = current;
      raw = streams_[current]->next();
    }
    if (divided_) raw.owner = owner(current);
    ++turn_;
    return raw;
  }

  std::string state() const override {
    json states = json::array();
    for (const auto& stream : streams_) states.push_back(stream ? json(stream->state()) : json());
    return json{{"turn", turn_}, {"streams", states}}.dump();
  }
  void restore(const std::string& state) override {
    const json all = json::parse(state);
    if (all.at("streams").size() != streams_.size())
      throw Error("a state of the loader with " + std::to_string(all.at("streams").size()) + " streams over " + path_ +
                  "; data.shard_streams is " + std::to_string(streams_.size()));
    turn_ = all.at("turn").get<int64_t>();
    for (size_t i = 0; i < streams_.size(); ++i)
      if (streams_[i]) streams_[i]->restore(all.at("streams").at(i).get<std::string>());
  }

  bool is_partial() const override { return divided_; }
  std::string merged(const std::vector<std::string>& states) const override {
    std::vector<json> parsed;
    for (const auto& state : states) parsed.push_back(json::parse(state));
    json whole = parsed.at(static_cast<size_t>(rank_));
    for (size_t i = 0; i < streams_.size() && divided_; ++i)
      whole["streams"][i] = parsed.at(static_cast<size_t>(owner(i))).at("streams").at(i);
    return whole.dump();
  }

  void interrupt() override {
    for (auto& stream : streams_)
      if (stream) stream->interrupt();
  }
  StreamSeconds seconds() const override {
    StreamSeconds sum;
    for (const auto& stream : streams_)
      if (stream) sum.read += stream->seconds().read, sum.untar += stream->seconds().untar;
    return sum;
  }
  std::string place() const override {
    const auto& stream = streams_[current_];
    return stream ? stream->place() : "";
  }

 private:
  int64_t owner(size_t stream) const { return static_cast<int64_t>(stream) % world_; }

  const std::shared_ptr<const ShardList> shards_;
  const std::string path_;
  const bool repeats_;
  const int64_t rank_, world_;
  const bool divided_;                                  // each stream is read by its owner alone
  std::vector<std::unique_ptr<SampleStream>> streams_;  // null = another process's
  int64_t turn_ = 0;
  std::atomic<size_t> current_ = 0;  // the one read last
};

}  // namespace

std::unique_ptr<SampleStream> open_shard_stream(const StreamSetup& setup, uint32_t source) {
  const StreamOptions options{.retries = setup.data->retries, .timeout_seconds = setup.data->timeout_seconds};
  auto shards = ShardList::open(setup, source, options);
  if (setup.data->shard_streams == 1) return one_shard_stream(setup, source, options, std::move(shards), 0);
  return std::make_unique<TakingTurns>(setup, source, options, std::move(shards));
}

}  // namespace fsc::detail
