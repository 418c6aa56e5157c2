// Division of shards among processes and their order in an epoch.
#include "data/detail_shard_plan.h"
#include "data/detail_streams.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <numeric>

#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/parallel.h"
#include "fsc/core/rng.h"
#include "fsc/shards/shard_index.h"
#include "fsc/shards/shard_list.h"
#include "fsc/shards/shard_reader.h"

namespace fsc::detail {

ShardPlan ShardPlan::open(const StreamSetup& setup, uint32_t source, const StreamOptions& options) {
  const TrainSourceConfig& config = setup.data->train[source];
  ShardPlan plan;
  plan.urls_ = expand_shards(config.path);
  plan.seed_ = setup.seed;
  plan.source_ = source;
  plan.rank_ = setup.rank;
  plan.world_ = setup.world;
  plan.shuffle_ = setup.data->shuffle;
  plan.resampled_ = setup.data->resampled;
  for (const auto& size : recorded_sizes(plan.urls_, options)) plan.sizes_.push_back(size.value_or(-1));
  plan.count_local(options);
  plan.sized_ = std::none_of(plan.sizes_.begin(), plan.sizes_.end(), [](int64_t size) { return size < 0; });
  plan.divide(setup, config);
  return plan;
}

void ShardPlan::count_local(const StreamOptions& options) {
  std::vector<size_t> unknown;
  for (size_t i = 0; i < urls_.size(); ++i)
    if (sizes_[i] < 0 && !is_remote(urls_[i])) unknown.push_back(i);
  if (unknown.empty()) return;
  spdlog::info("counting the samples of {} shards that no sizes.json names (fsc-data check writes one)", unknown.size());
  for_each_index(static_cast<int64_t>(unknown.size()), 0, [&](int64_t i) {
    const size_t shard = unknown[static_cast<size_t>(i)];
    try {
      sizes_[shard] = count_samples(urls_[shard], options);
    } catch (const ReadStopped&) {
      throw;
    } catch (const Error&) {
      sizes_[shard] = 1;  // met again, and told, when its turn comes
    }
  });
}

int64_t ShardPlan::total(const TrainSourceConfig& config) const {
  int64_t sum = 0;
  for (size_t i = 0; i < sizes_.size() && sized_; ++i) {
    if (sizes_[i] > kMaxSamples - sum)
      throw Error("the shards of " + config.path + " are said to have more than " + std::to_string(kMaxSamples) +
                  " samples, the " + std::to_string(sizes_[i]) + " of " + shown_url(urls_[i]) +
                  " included; correct the sizes.json beside them");
    sum += sizes_[i];
  }
  return sum;
}

void ShardPlan::divide(const StreamSetup& setup, const TrainSourceConfig& config) {
  const int64_t total = this->total(config);
  if (!sized_ && config.samples == 0) {
    const auto first = std::find(sizes_.begin(), sizes_.end(), -1) - sizes_.begin();
    throw UsageError(
        "nothing says how many samples " + name(first) +
        " has; put a sizes.json beside the shards (fsc-data pack and fsc-data check write one), or set data.train.samples");
  }
  if (sized_ && total == 0) throw Error("the " + std::to_string(urls_.size()) + " shards of " + config.path + " hold no samples");
  share_ = share_of(total, setup);
  size_ = config.samples > 0 ? share_of(config.samples, setup) : share_;
  if (size_ == 0) throw Error(config.path + " has fewer samples than there are processes (" + std::to_string(world_) + ")");
  const std::string what =
      std::to_string(urls_.size()) + " shards" + (sized_ ? " with " + std::to_string(total) + " samples" : " of unknown size");
  if (world_ == 1) {
    spdlog::info("data: {}", what);
  } else if (sized_ && !resampled_) {
    spdlog::info("data: {}, divided sample by sample: {} for each of {} processes", what, share_, world_);
  } else if (resampled_ || shards() >= world_) {
    spdlog::info("data: {}, whole shards dealt out to {} processes", what, world_);
  } else {
    stride_ = world_;
    spdlog::info("data: {}, fewer than the {} processes: every process reads all and takes every {}th sample", what, world_,
                 world_);
  }
}

std::string ShardPlan::fingerprint() const {
  std::string identity;
  for (size_t i = 0; i < urls_.size(); ++i) identity += shard_name(urls_[i]) + " " + std::to_string(sizes_[i]) + "\n";
  return std::to_string(urls_.size()) + " shards, " + std::to_string(size_) + " samples, SHA-256 " + sha256_hex(identity);
}

void ShardPlan::begin(uint64_t epoch, uint64_t pass) {
  epoch_ = epoch + (pass << 32);
  parts_.clear();
  if (resampled_) return;
  std::vector<int64_t> order(urls_.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  if (shuffle_) {
    Rng rng({seed_, static_cast<uint64_t>(Stream::kShards), epoch_, source_});
    rng.shuffle(order);
  }
  if (!sized_) {
    const bool deal = stride_ == 1;
    for (size_t k = deal ? static_cast<size_t>(rank_) : 0; k < order.size(); k += deal ? static_cast<size_t>(world_) : 1)
      parts_.push_back({order[k], 0, -1});
    return;
  }
  const int64_t begin = rank_ * share_, end = begin + share_;
  int64_t at = 0;  // of the sequence of all samples
  for (const int64_t shard : order) {
    const int64_t size = sizes_[static_cast<size_t>(shard)];
    const int64_t first = std::max(begin, at) - at, last = std::min(end, at + size) - at;
    const bool nothing_whole = size == 0 && begin <= at && at < end;  // opened all the same, so that its loss is told
    if (first < last || nothing_whole) parts_.push_back({shard, first, last});
    at += size;
  }
}

ShardPart ShardPlan::part(int64_t number) const {
  if (!resampled_) return parts_[static_cast<size_t>(number)];
  Rng rng({seed_, static_cast<uint64_t>(Stream::kShards), epoch_, source_, static_cast<uint64_t>(rank_),
           static_cast<uint64_t>(number)});
  return {static_cast<int64_t>(rng.below(urls_.size())), 0, -1};
}

}  // namespace fsc::detail
