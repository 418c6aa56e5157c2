// Sixteen maps, each under a lock that readers share.
#include "text/detail_chunk_cache.h"

#include <mutex>

namespace fsc::detail {
namespace {

size_t bytes_of(std::string_view text, const Chunk& chunk) {
  size_t bytes =
      sizeof(StringMap<Chunk>::value_type) + 2 * sizeof(void*) + text.size() + chunk.embedded.capacity() * sizeof(float);
  for (const Piece& piece : chunk.pieces) bytes += sizeof piece + piece.lower.capacity();
  return bytes;
}

}  // namespace

const Chunk& ChunkCache::get(std::string_view text, const Make& make, std::deque<Chunk>& spill) {
  Shard& shard = shards_[std::hash<std::string_view>()(text) % kShards];
  {
    const std::shared_lock lock(shard.mutex);
    if (const auto found = shard.chunks.find(text); found != shard.chunks.end()) return found->second;
  }
  Chunk chunk = make(text);
  const size_t bytes = bytes_of(text, chunk);
  {
    const std::unique_lock lock(shard.mutex);
    if (const auto found = shard.chunks.find(text); found != shard.chunks.end()) return found->second;
    if (shard.bytes + bytes <= kBytes / kShards) {
      shard.bytes += bytes;
      return shard.chunks.emplace(text, std::move(chunk)).first->second;
    }
  }
  return spill.emplace_back(std::move(chunk));
}

size_t ChunkCache::size() const {
  size_t count = 0;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    count += shard.chunks.size();
  }
  return count;
}

size_t ChunkCache::bytes() const {
  size_t bytes = 0;
  for (const Shard& shard : shards_) {
    const std::shared_lock lock(shard.mutex);
    bytes += shard.bytes;
  }
  return bytes;
}

}  // namespace fsc::detail
