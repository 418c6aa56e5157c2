// The shards of a source as rank 0 finds them, and what the log says of them.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "data/detail_shard_plan.h"
#include "data/detail_together.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/core/parallel.h"
#include "fsc/shards/shard_index.h"
#include "fsc/shards/shard_list.h"
#include "fsc/shards/shard_reader.h"

namespace fsc::detail {
namespace {

void count_local(ShardList& list, const StreamOptions& options) {
  std::vector<size_t> unknown;
  for (size_t i = 0; i < list.urls.size(); ++i)
    if (list.sizes[i] < 0 && !is_remote(list.urls[i])) unknown.push_back(i);
  if (unknown.empty()) return;
  spdlog::info("counting the samples of {} shards that no sizes.json names (fsc-data check writes one)", unknown.size());
  for_each_index(static_cast<int64_t>(unknown.size()), 0, [&](int64_t i) {
    const size_t shard = unknown[static_cast<size_t>(i)];
    try {
      list.sizes[shard] = count_samples(list.urls[shard], options);
    } catch (const ReadStopped&) {
      throw;
    } catch (const Error&) {
      list.sizes[shard] = 1;  // met again, and told, when its turn comes
    }
  });
}

/// Shards and sizes in words for the other processes.
std::string found_shards(const TrainSourceConfig& config, const StreamOptions& options) {
  ShardList list;
  list.urls = expand_shards(config.path);
  for (const auto& size : recorded_sizes(list.urls, options)) list.sizes.push_back(size.value_or(-1));
  count_local(list, options);
  WordsOut words;
  words.add(list.count());
  for (size_t i = 0; i < list.urls.size(); ++i) words.add(list.urls[i]), words.add(list.sizes[i]);
  return words.bytes();
}

int64_t total_of(const ShardList& list, const TrainSourceConfig& config) {
  int64_t sum = 0;
  for (size_t i = 0; i < list.sizes.size() && list.sized; ++i) {
    if (list.sizes[i] > kMaxSamples - sum)
      throw Error("the shards of " + config.path + " are said to have more than " + std::to_string(kMaxSamples) +
                  " samples, the " + std::to_string(list.sizes[i]) + " of " + shown_url(list.urls[i]) +
                  " included; correct the sizes.json beside them");
    sum += list.sizes[i];
  }
  return sum;
}

void check_sizes(const ShardList& list, const TrainSourceConfig& config, int64_t streams) {
  if (!list.sized && config.samples == 0) {
    const auto first = std::find(list.sizes.begin(), list.sizes.end(), -1) - list.sizes.begin();
    throw UsageError(
        "nothing says how many samples " + list.name(first) +
        " has; put a sizes.json beside the shards (fsc-data pack and fsc-data check write one), or set data.train.samples");
  }
  if (list.sized && list.total == 0)
    throw Error("the " + std::to_string(list.count()) + " shards of " + config.path + " hold no samples");
  const int64_t fewest = list.sized ? std::min(list.total, list.samples) : list.samples;
  if (fewest < streams)
    throw UsageError(fmt::format("data.shard_streams = {} is more than the {} samples of {}", streams, fewest, config.path));
}

void tell_layout(const ShardList& list, const StreamSetup& setup) {
  const int64_t streams = setup.data->shard_streams;
  std::string text = fmt::format("data: {} shards {}", list.count(),
                                 list.sized ? fmt::format("with {} samples", list.total) : "of unknown size");
  if (streams > 1)
    text += list.sized && !setup.data->resampled ? fmt::format(", divided sample by sample among {} streams", streams)
            : setup.data->resampled || list.count() >= streams
                ? fmt::format(", whole shards dealt out to {} streams", streams)
                : fmt::format(", fewer than the {} streams: each reads all and takes every {}th sample", streams, streams);
  spdlog::info("{}", text);
  if (streams < setup.world)
    spdlog::info(
        "each of the {} processes reads every shard, as data.shard_streams is {}; streams of their own ({} or a multiple) would "
        "divide the reading (and change the order of the samples)",
        setup.world, streams, setup.world);
  else if (streams % setup.world != 0)
    spdlog::warn("data.shard_streams = {} is no multiple of the {} processes: some have more of each batch to do than others",
                 streams, setup.world);
}

}  // namespace

std::shared_ptr<const ShardList> ShardList::open(const StreamSetup& setup, uint32_t source, const StreamOptions& options) {
  const TrainSourceConfig& config = setup.data->train[source];
  const auto find = [&] { return found_shards(config, options); };
  const std::string found = setup.together ? setup.together->of_first(find) : find();
  WordsIn words(found);
  auto list = std::make_shared<ShardList>();
  for (auto left = words.number<int64_t>(); left > 0; --left) {
    list->urls.push_back(words.text());
    list->sizes.push_back(words.number<int64_t>());
  }
  list->sized = std::none_of(list->sizes.begin(), list->sizes.end(), [](int64_t size) { return size < 0; });
  list->total = total_of(*list, config);
  list->samples = config.samples > 0 ? config.samples : list->total;
  check_sizes(*list, config, setup.data->shard_streams);
  tell_layout(*list, setup);
  return list;
}

std::string ShardList::name(int64_t shard) const { return shown_url(urls[static_cast<size_t>(shard)]); }

std::string ShardList::fingerprint() const {
  std::string identity;
  for (size_t i = 0; i < urls.size(); ++i) identity += shard_name(urls[i]) + " " + std::to_string(sizes[i]) + "\n";
  return std::to_string(urls.size()) + " shards, " + std::to_string(samples) + " samples, SHA-256 " + sha256_hex(identity);
}

}  // namespace fsc::detail
