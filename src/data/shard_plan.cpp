// Division of shards among streams and their order in an epoch.
#include "data/detail_shard_plan.h"

#include <algorithm>
#include <numeric>

#include "fsc/core/rng.h"

namespace fsc::detail {

ShardPlan::ShardPlan(const StreamSetup& setup, uint32_t source, std::shared_ptr<const ShardList> shards, int64_t stream)
    : list_(std::move(shards)),
      seed_(setup.seed),
      source_(source),
      stream_(stream),
      streams_(setup.data->shard_streams),
      stride_(!list_->sized && !setup.data->resampled && list_->count() < streams_ ? streams_ : 1),
      shuffle_(setup.data->shuffle),
      resampled_(setup.data->resampled) {}

void ShardPlan::begin(uint64_t epoch, uint64_t pass) {
  epoch_ = epoch + (pass << 32);
  parts_.clear();
  if (resampled_) return;
  std::vector<int64_t> order(list_->urls.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  if (shuffle_) {
    Rng rng({seed_, static_cast<uint64_t>(Stream::kShards), epoch_, source_});
    rng.shuffle(order);
  }
  if (!list_->sized) {
    const bool deal = stride_ == 1;
    for (size_t k = deal ? static_cast<size_t>(stream_) : 0; k < order.size(); k += deal ? static_cast<size_t>(streams_) : 1)
      parts_.push_back({order[k], 0, -1});
    return;
  }
  // The first streams have one sample more, as the places that are theirs do.
  const int64_t share = list_->total / streams_, more = list_->total % streams_;
  const int64_t begin = stream_ * share + std::min(stream_, more), end = begin + share + (stream_ < more ? 1 : 0);
  int64_t at = 0;  // of the sequence of all samples
  for (const int64_t shard : order) {
    const int64_t size = size_of(shard);
    const int64_t first = std::max(begin, at) - at, last = std::min(end, at + size) - at;
    const bool nothing_whole = size == 0 && begin <= at && at < end;  // opened all the same, so that its loss is told
    if (first < last || nothing_whole) parts_.push_back({shard, first, last});
    at += size;
  }
}

ShardPart ShardPlan::part(int64_t number) const {
  if (!resampled_) return parts_[static_cast<size_t>(number)];
  Rng rng({seed_, static_cast<uint64_t>(Stream::kShards), epoch_, source_, static_cast<uint64_t>(stream_),
           static_cast<uint64_t>(number)});
  return {static_cast<int64_t>(rng.below(list_->urls.size())), 0, -1};
}

}  // namespace fsc::detail
