// What sizes.json and index.json beside shards say of them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fsc/shards/byte_stream.h"

namespace fsc {

/// A shard as index.json knows it.
struct ShardRecord {
  std::string name;
  int64_t samples = 0;
  uint64_t bytes = 0;
  std::string sha256;
};

/// Most samples that a shard, and a whole data set, may be said to have: a larger number is a mistake, not a count.
inline constexpr int64_t kMaxShardSamples = 1'000'000'000;
inline constexpr int64_t kMaxSamples = 1'000'000'000'000;

/// Whole samples in each shard as `sizes.json` beside them says ({"name.tar": count}); nullopt for a shard it does not name or
/// where there is none. Local folders and http servers have one; a pipe has none. Error (names the file): a sizes.json that is no
/// such object, a count that is negative or above kMaxShardSamples, one that a server fails to send.
std::vector<std::optional<int64_t>> recorded_sizes(const std::vector<std::string>& shards, const StreamOptions& options = {});

/// What is recorded of a shard.
struct Recorded {
  bool index = false;                 ///< there is an index.json beside it
  std::optional<ShardRecord> record;  ///< what that says of the shard, if anything
};

/// Each shard as `index.json` beside it says. Error (names the file): an index.json of another form than write_sizes() gives it,
/// with numbers as above or a SHA-256 that is none, or that names a shard twice.
std::vector<Recorded> recorded_shards(const std::vector<std::string>& shards, const StreamOptions& options = {});

}  // namespace fsc
