// cp.async: what is copied shows only at the wait; until then its place is poisoned.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "support/cuda_on_host/block.h"

/// The last `zeros` of `bytes` are filled with 0 and not read.
inline void __pipeline_memcpy_async(void* shared, const void* global, size_t bytes, size_t zeros = 0,
                                    const fsc::cuda_on_host::Place& place = fsc::cuda_on_host::Place::current()) {
  auto& block = fsc::cuda_on_host::Block::running();
  if ((bytes != 4 && bytes != 8 && bytes != 16) || zeros > bytes || reinterpret_cast<uintptr_t>(shared) % bytes ||
      reinterpret_cast<uintptr_t>(global) % bytes)
    block.fail("asynchronous copy at " + fsc::cuda_on_host::text_of(place) +
               ": 4, 8 or 16 bytes between places that are multiples of it");
  std::memset(shared, fsc::cuda_on_host::kPoison, bytes);
  auto& groups = block.thread().copies;
  if (groups.empty()) groups.emplace_back();
  groups.back().push_back({shared, global, bytes, zeros});
}
inline void __pipeline_commit() {
  auto& groups = fsc::cuda_on_host::Block::running().thread().copies;
  if (groups.empty()) groups.emplace_back();
  groups.emplace_back();
}
/// Until all but the newest `prior` committed groups of the calling thread are done.
inline void __pipeline_wait_prior(size_t prior) {
  auto& groups = fsc::cuda_on_host::Block::running().thread().copies;
  while (groups.size() > prior + 1) {
    for (const auto& copy : groups.front()) {
      auto* to = static_cast<unsigned char*>(copy.to);
      std::memcpy(to, copy.from, copy.bytes - copy.zeros);
      std::memset(to + copy.bytes - copy.zeros, 0, copy.zeros);
    }
    groups.pop_front();
  }
}
