// Which shards, and which part of each, a process reads in an epoch.
#pragma once
#include <string>
#include <vector>

#include "fsc/data/sample_stream.h"
#include "fsc/shards/byte_stream.h"

namespace fsc::detail {

/// Samples [first, last) of a shard; last -1 = to its end.
struct ShardPart {
  int64_t shard = 0, first = 0, last = -1;
};

/// With known sizes the shards' samples, in the epoch's order of shards, form one sequence that is cut into equal parts, one a
/// process: any number of shards serves any number of processes. Without sizes whole shards are dealt out, or, where there are
/// fewer shards than processes, every process reads all and takes every n-th sample.
class ShardPlan {
 public:
  /// Expands the shards, finds their sizes (sizes.json, else local shards are counted) and says how they are divided.
  /// UsageError when neither the sizes nor data.train.samples are known.
  static ShardPlan open(const StreamSetup& setup, uint32_t source, const StreamOptions& options);

  /// Samples an epoch has for this process.
  int64_t size() const { return size_; }
  int64_t shards() const { return static_cast<int64_t>(urls_.size()); }
  /// True where this process takes every n-th sample of every shard.
  bool takes_some() const { return stride_ > 1; }
  const std::string& url(int64_t shard) const { return urls_[static_cast<size_t>(shard)]; }
  /// The same for messages.
  std::string name(int64_t shard) const { return shown_url(url(shard)); }
  /// Samples of a shard, -1 when unknown.
  int64_t size_of(int64_t shard) const { return sizes_[static_cast<size_t>(shard)]; }
  std::string fingerprint() const;

  /// Lays out pass `pass` (0 = the first) of an epoch.
  void begin(uint64_t epoch, uint64_t pass);
  bool has(int64_t part) const { return part >= 0 && (resampled_ || part < static_cast<int64_t>(parts_.size())); }
  ShardPart part(int64_t number) const;
  /// False for a sample of a shard that another process takes.
  bool takes(int64_t sample) const { return stride_ == 1 || sample % stride_ == rank_; }

 private:
  void count_local(const StreamOptions& options);
  int64_t total(const TrainSourceConfig& config) const;
  void divide(const StreamSetup& setup, const TrainSourceConfig& config);

  std::vector<std::string> urls_;
  std::vector<int64_t> sizes_;  // -1 = unknown
  uint64_t seed_ = 0, source_ = 0;
  int64_t rank_ = 0, world_ = 1, stride_ = 1;
  bool shuffle_ = true, resampled_ = false, sized_ = false;
  int64_t size_ = 0, share_ = 0;

  uint64_t epoch_ = 0;
  std::vector<ShardPart> parts_;
};

}  // namespace fsc::detail
