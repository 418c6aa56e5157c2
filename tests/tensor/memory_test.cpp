// LibTorch's exceptions for memory that ran out, as a program tells them.
#include "fsc/tensor/memory.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace fsc {
namespace {

/// What torch_memory_shortage makes of what `body` throws.
template <class Body>
std::string shortage_of(const Body& body) {
  try {
    body();
  } catch (const std::exception& error) {
    return torch_memory_shortage(error);
  }
  return "nothing was thrown";
}

TEST(TorchMemoryShortage, IsOneLineThatSaysWhatWasAskedFor) {
#if !defined(__SANITIZE_ADDRESS__)  // which ends the process at such a wish
  const std::string cpu = shortage_of([] { torch::empty({int64_t{1} << 60}, torch::kByte); });
  EXPECT_EQ(cpu.rfind("DefaultCPUAllocator", 0), 0u) << cpu;
  EXPECT_NE(cpu.find("tried to allocate 1152921504606846976 bytes"), std::string::npos) << cpu;
  EXPECT_EQ(cpu.find('\n'), std::string::npos) << cpu;
#endif
  EXPECT_EQ(shortage_of([] {
              throw c10::OutOfMemoryError({__func__, __FILE__, 1}, "CUDA out of memory. Tried to allocate 2.00 GiB");
            }),
            "CUDA out of memory. Tried to allocate 2.00 GiB");
}

TEST(TorchMemoryShortage, OtherFailuresAreNone) {
  EXPECT_EQ(shortage_of([] { TORCH_CHECK(false, "shapes do not fit"); }), "");
  EXPECT_EQ(shortage_of([] { throw std::runtime_error("CUDA error: out of memory"); }), "");
}

}  // namespace
}  // namespace fsc
