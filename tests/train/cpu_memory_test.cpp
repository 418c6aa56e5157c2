// Tensors in hand-aligned memory: aligned, empty, copied, resized, and freed by whoever comes last.
#include "train/detail_cpu_memory.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <thread>

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

TEST(CpuMemory, IsFreedInAnotherThread) {
  use_reusable_cpu_memory();
  for (int i = 0; i < 50; ++i) {
    torch::Tensor x = torch::full({1000 + i}, static_cast<double>(i));
    std::thread([y = std::move(x), i] { EXPECT_EQ(y[999].item<float>(), static_cast<float>(i)); }).join();
  }
}

}  // namespace
}  // namespace fsc
