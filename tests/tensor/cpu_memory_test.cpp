// Tensors in hand-aligned memory: aligned, empty, copied, resized, used again, and freed by whoever comes last.
#include "fsc/tensor/memory.h"

#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace fsc {
namespace {

TEST(CpuMemory, IsAlignedAndHoldsWhatIsWritten) {
  const torch::Tensor before = torch::full({3}, 7.0);  // LibTorch's own memory, freed after the change
  use_reusable_cpu_memory();
  for (const int64_t size : {0, 1, 15, 16, 17, 1000, 1 << 20}) {
    const torch::Tensor x = torch::arange(size, torch::kFloat32);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(x.data_ptr()) % 64, 0u) << size;
    EXPECT_EQ(x.numel(), size);
    const double last = static_cast<double>(size - 1);
    EXPECT_EQ(x.sum(torch::kFloat64).item<double>(), size == 0 ? 0.0 : last * (last + 1) / 2) << size;
    EXPECT_TRUE(torch::equal(x.clone(), x));
  }
  torch::Tensor grown = torch::full({4}, 2.0);
  grown.resize_({1000});
  EXPECT_EQ(grown.slice(0, 0, 4).sum().item<float>(), 8.0F);
  EXPECT_EQ(before.sum().item<float>(), 21.0F);
}

/// Takes pieces of one size with something small behind each, frees the pieces and takes them again. How many of the new ones
/// lie where the old ones did; the others made the heap grow.
int taken_from_the_holes(c10::Allocator& allocator, int count) {
  std::vector<c10::DataPtr> pieces, between;
  pieces.reserve(static_cast<size_t>(count)), between.reserve(static_cast<size_t>(count));
  uintptr_t highest = 0;
  for (int i = 0; i < count; ++i) {
    pieces.push_back(allocator.allocate(48'000));
    between.push_back(allocator.allocate(2'000));
    highest = std::max(highest, reinterpret_cast<uintptr_t>(pieces.back().get()));
  }
  pieces.clear();
  int found = 0;
  for (int i = 0; i < count; ++i) {
    pieces.push_back(allocator.allocate(48'000));
    found += reinterpret_cast<uintptr_t>(pieces.back().get()) <= highest;
  }
  return found;
}

TEST(CpuMemory, WhatIsFreedIsUsedAgain) {  // by LibTorch's own allocator next to nothing is (glibc before 2.38)
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer keeps what is freed";
#endif
  use_reusable_cpu_memory();
  EXPECT_GE(taken_from_the_holes(*c10::GetCPUAllocator(), 300), 270);
}

TEST(CpuMemory, IsFreedInAnotherThread) {
  use_reusable_cpu_memory();
  for (int i = 0; i < 50; ++i) {
    torch::Tensor x = torch::full({1000 + i}, static_cast<double>(i));
    std::thread([y = std::move(x), i] { EXPECT_EQ(y[999].item<float>(), static_cast<float>(i)); }).join();
  }
}

}  // namespace
}  // namespace fsc
