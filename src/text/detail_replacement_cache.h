// Replacement lists by word, shared by all threads and bounded: what is asked for often stays.
#pragma once
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "fsc/text/wordnet.h"

namespace fsc::detail {

class ReplacementCache {
 public:
  using List = std::shared_ptr<const Replacements>;

  explicit ReplacementCache(size_t budget_bytes) : shard_budget_(budget_bytes / kShards) {}

  /// The list of `key`, made by `make()` on the first request, outside any lock.
  template <class Make>
  List get(const std::string& key, const Make& make) {
    Shard& shard = shards_[std::hash<std::string>()(key) % kShards];
    {
      const std::shared_lock lock(shard.mutex);
      if (const auto found = shard.entries.find(key); found != shard.entries.end()) {
        if (!found->second.used.load(std::memory_order_relaxed)) found->second.used.store(true, std::memory_order_relaxed);
        return found->second.list;
      }
    }
    List list = make();
    const std::unique_lock lock(shard.mutex);
    const auto [place, is_new] = shard.entries.try_emplace(key, list);
    if (is_new && (shard.bytes += cost(key, *list)) > shard_budget_) evict(shard);
    return list;
  }

  size_t bytes() {
    size_t sum = 0;
    for (Shard& shard : shards_) {
      const std::shared_lock lock(shard.mutex);
      sum += shard.bytes;
    }
    return sum;
  }

 private:
  struct Entry {
    explicit Entry(List made) : list(std::move(made)) {}
    List list;
    std::atomic<bool> used{false};
  };
  struct Shard {
    std::shared_mutex mutex;
    std::unordered_map<std::string, Entry> entries;
    size_t bytes = 0;
  };

  static size_t cost(const std::string& key, const Replacements& list) {
    constexpr size_t kNodes = 192;  // of the map, the list's two arrays and its reference count
    return kNodes + key.capacity() + (list.lemmas.capacity() + list.cumulative.capacity()) * sizeof(uint32_t);
  }

  /// Drops the lists that nobody asked for since the last time; all of them when that leaves more than half.
  void evict(Shard& shard) {
    for (auto entry = shard.entries.begin(); entry != shard.entries.end();) {
      if (entry->second.used.exchange(false, std::memory_order_relaxed)) {
        ++entry;
      } else {
        shard.bytes -= cost(entry->first, *entry->second.list);
        entry = shard.entries.erase(entry);
      }
    }
    if (shard.bytes > shard_budget_ / 2) {
      shard.entries.clear();
      shard.bytes = 0;
    }
  }

  static constexpr size_t kShards = 16;
  size_t shard_budget_;
  std::array<Shard, kShards> shards_;
};

}  // namespace fsc::detail
