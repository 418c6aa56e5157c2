// Shards of a data set being made: cut into equal parts beforehand, then written one by one in any order, or side by side.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "fsc/shards/shard_index.h"
#include "fsc/shards/shard_reader.h"

namespace fsc {

/// Where shards go and how large they may grow.
struct ShardLayout {
  std::filesystem::path folder;
  std::string prefix = "shard";  ///< of `prefix-000000.tar`
  int64_t max_samples = 10'000;
  uint64_t max_bytes = uint64_t{1} << 30;  ///< of samples as plan_shards is told them; one larger sample gets a shard of its own
};

/// Samples [first, last) of the data set.
struct ShardRange {
  int64_t first = 0, last = 0;
};

/// The ranges of a data set whose samples have these sizes, in order. A function of its arguments only, so that shards may be
/// written in parallel.
std::vector<ShardRange> plan_shards(std::span<const uint64_t> sample_bytes, const ShardLayout& layout);

/// Writes shards of one set; write() may be called from several threads at once.
class ShardWriter {
 public:
  /// Makes the folder. Error: cannot; a prefix with a slash or without a letter, limits below 1.
  explicit ShardWriter(ShardLayout layout);
  /// `prefix-000012.tar` for 12.
  std::string name(int64_t number) const;
  /// Writes shard `number` from the samples that `next` fills in until it returns false; the same samples give the same bytes.
  /// Error (no file is left then): as TarWriter; a sample that ShardReader would not give back as it is, which are: no files, a
  /// key that is empty, "hidden" or has a dot in its last part, an extension with capitals or a slash, either of them twice, or
  /// more than kMaxSampleFiles or kMaxSampleBytes.
  ShardRecord write(int64_t number, const std::function<bool(ShardSample&)>& next) const;

 private:
  ShardLayout layout_;
};

/// Writes sizes.json ({"name.tar": samples}) and index.json ({"format": 1, "shards": [{"name", "samples", "bytes", "sha256"}]})
/// into the folder, both sorted by name. recorded_sizes() and recorded_shards() read them.
void write_sizes(const std::filesystem::path& folder, std::vector<ShardRecord> shards);

}  // namespace fsc
