// Counts the bytes of tensors on the CPU while it lives.
#pragma once
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>

namespace fsc::test {

/// Stands before LibTorch's allocator. What was allocated meanwhile may outlive it.
class CountingAllocator : public c10::Allocator {
 public:
  CountingAllocator() : before_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, kPriority); }
  ~CountingAllocator() override { c10::SetCPUAllocator(before_, kPriority); }

  c10::DataPtr allocate(size_t bytes) override {
    auto* block = new Block{before_->allocate(bytes), bytes};
    live_ += bytes;
    peak_ = std::max<size_t>(peak_, live_);
    return {block->memory.get(), block, &free, block->memory.device()};
  }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }

  /// Since it was made.
  static size_t live() { return live_; }
  static size_t peak() { return peak_; }
  static void start_again() { live_ = 0, peak_ = 0; }

 private:
  static constexpr uint8_t kPriority = 100;
  struct Block {
    c10::DataPtr memory;
    size_t bytes;
  };
  static void free(void* block) {
    live_ -= static_cast<Block*>(block)->bytes;
    delete static_cast<Block*>(block);
  }

  inline static std::atomic<size_t> live_ = 0, peak_ = 0;
  c10::Allocator* before_;
};

/// What a loss keeps for its backward, and the most it takes at a time, both beside its inputs.
struct Bytes {
  size_t kept = 0, peak = 0;
};
inline Bytes bytes_of(const std::function<torch::Tensor()>& loss) {
  const CountingAllocator counter;
  CountingAllocator::start_again();
  Bytes bytes;
  {
    const auto value = loss();
    bytes.kept = CountingAllocator::live();
    value.backward();
  }
  bytes.peak = CountingAllocator::peak();
  return bytes;
}

}  // namespace fsc::test
