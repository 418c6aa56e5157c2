// Remembers the cut and embedded form of the chunks of text met so far, shared by all threads.
#pragma once
#include <array>
#include <deque>
#include <functional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "text/detail_lexicon.h"
#include "text/detail_tokenizer.h"

namespace fsc::detail {

/// Read-mostly. Entries are never removed, so references stay good; when the budget is used up, new chunks are no longer kept.
/// What is kept is a function of the chunk alone, so the cache changes no result.
class ChunkCache {
 public:
  static constexpr size_t kBytes = 8 << 20;  ///< some 8,000 words; frequent ones come first

  using Make = std::function<Chunk(std::string_view)>;
  /// The chunk's form, made where it is not known; where it cannot be kept it is put into `spill`, which the caller keeps.
  const Chunk& get(std::string_view text, const Make& make, std::deque<Chunk>& spill);

  size_t size() const;   ///< chunks kept
  size_t bytes() const;  ///< about the memory they take

 private:
  static constexpr size_t kShards = 16;
  struct alignas(64) Shard {
    mutable std::shared_mutex mutex;
    StringMap<Chunk> chunks;
    size_t bytes = 0;
  };
  std::array<Shard, kShards> shards_;
};

}  // namespace fsc::detail
