// The cache of chunks: bounded, shared, and without influence on what is found.
#include "text/detail_chunk_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace fsc::detail {
namespace {

Chunk chunk_of(std::string_view text) {
  Piece piece;
  piece.size = static_cast<uint32_t>(text.size());
  piece.lower = text;
  return {{piece}, std::vector<float>(2 * 96, static_cast<float>(text.size()))};
}

TEST(ChunkCache, MakesAChunkOnce) {
  ChunkCache cache;
  std::deque<Chunk> spill;
  int made = 0;
  const auto make = [&](std::string_view text) {
    ++made;
    return chunk_of(text);
  };
  const Chunk& first = cache.get("dog", make, spill);
  EXPECT_EQ(&cache.get("dog", make, spill), &first);
  EXPECT_EQ(cache.get("cat,", make, spill).pieces[0].lower, "cat,");
  EXPECT_EQ(made, 2);
  EXPECT_EQ(cache.size(), 2U);
  EXPECT_TRUE(spill.empty());
}

TEST(ChunkCache, StopsAtItsBudgetAndGoesOnWorking) {
  ChunkCache cache;
  std::deque<Chunk> spill;
  const Chunk& first = cache.get("first", chunk_of, spill);
  for (int i = 0; i < 60'000; ++i) {
    const std::string word = "word" + std::to_string(i);
    ASSERT_EQ(cache.get(word, chunk_of, spill).pieces[0].lower, word);
    if (spill.size() > 100) spill.clear();
  }
  EXPECT_LE(cache.bytes(), ChunkCache::kBytes);
  EXPECT_GT(cache.bytes(), ChunkCache::kBytes * 9 / 10);
  EXPECT_EQ(&cache.get("first", chunk_of, spill), &first);
  EXPECT_EQ(cache.get("no room for this", chunk_of, spill).pieces[0].lower, "no room for this");
  EXPECT_EQ(spill.back().pieces[0].lower, "no room for this");
}

TEST(ChunkCache, AHugeWordIsNotKept) {
  ChunkCache cache;
  std::deque<Chunk> spill;
  const std::string word(2 << 20, 'x');
  EXPECT_EQ(cache.get(word, chunk_of, spill).pieces[0].size, word.size());
  EXPECT_EQ(cache.size(), 0U);
}

TEST(ChunkCache, ThreadsFindTheSame) {
  ChunkCache cache;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      std::deque<Chunk> spill;
      for (int i = 0; i < 5000; ++i) {
        const std::string word = "w" + std::to_string((i * (t + 1)) % 700);
        const Chunk& chunk = cache.get(word, chunk_of, spill);
        wrong += chunk.pieces[0].lower != word || chunk.embedded[0] != static_cast<float>(word.size());
      }
      wrong += !spill.empty();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(cache.size(), 700U);
}

}  // namespace
}  // namespace fsc::detail
