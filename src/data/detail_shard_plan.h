// Which shards there are, and which part of each a stream reads in an epoch.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "fsc/data/sample_stream.h"
#include "fsc/shards/byte_stream.h"

namespace fsc::detail {

/// The shards of a source and their sizes, the same in all processes: rank 0 finds them.
struct ShardList {
  std::vector<std::string> urls;
  std::vector<int64_t> sizes;  ///< -1 = unknown
  bool sized = false;          ///< all are known
  int64_t total = 0;           ///< samples of all, where known
  int64_t samples = 0;         ///< of an epoch

  /// Expands the shards and finds their sizes (sizes.json, else local shards are counted). UsageError when neither the sizes nor
  /// data.train.samples are known, or there are fewer samples than streams.
  static std::shared_ptr<const ShardList> open(const StreamSetup& setup, uint32_t source, const StreamOptions& options);

  int64_t count() const { return static_cast<int64_t>(urls.size()); }
  /// A shard's name for messages.
  std::string name(int64_t shard) const;
  std::string fingerprint() const;
};

/// Samples [first, last) of a shard; last -1 = to its end.
struct ShardPart {
  int64_t shard = 0, first = 0, last = -1;
};

/// With known sizes the shards' samples, in the epoch's order of shards, form one sequence that is cut into equal parts, one a
/// stream: any number of shards serves any number of streams. Without sizes whole shards are dealt out, or, where there are
/// fewer shards than streams, every stream reads all and takes every n-th sample.
class ShardPlan {
 public:
  /// Of stream number `stream` of data.shard_streams.
  ShardPlan(const StreamSetup& setup, uint32_t source, std::shared_ptr<const ShardList> shards, int64_t stream);

  const ShardList& list() const { return *list_; }
  int64_t shards() const { return list_->count(); }
  /// True where the stream takes every n-th sample of every shard.
  bool takes_some() const { return stride_ > 1; }
  const std::string& url(int64_t shard) const { return list_->urls[static_cast<size_t>(shard)]; }
  /// The same for messages.
  std::string name(int64_t shard) const { return list_->name(shard); }
  /// Samples of a shard, -1 when unknown.
  int64_t size_of(int64_t shard) const { return list_->sizes[static_cast<size_t>(shard)]; }

  /// Lays out pass `pass` (0 = the first) of an epoch.
  void begin(uint64_t epoch, uint64_t pass);
  bool has(int64_t part) const { return part >= 0 && (resampled_ || part < static_cast<int64_t>(parts_.size())); }
  ShardPart part(int64_t number) const;
  /// False for a sample of a shard that another stream takes.
  bool takes(int64_t sample) const { return stride_ == 1 || sample % stride_ == stream_; }

 private:
  const std::shared_ptr<const ShardList> list_;
  const uint64_t seed_, source_;
  const int64_t stream_, streams_, stride_;
  const bool shuffle_, resampled_;

  uint64_t epoch_ = 0;
  std::vector<ShardPart> parts_;
};

}  // namespace fsc::detail
