// A c10 allocator over malloc: each block remembers where it begins in the word before its first byte.
#include "fsc/tensor/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <cstdint>
#include <cstdlib>

#include "fsc/core/log.h"
#include "fsc/core/out_of_memory.h"

namespace fsc {
namespace {

constexpr uintptr_t kAlignment = 64;

void release(void* data) {
  if (data) std::free(static_cast<void**>(data)[-1]);
}

class ReusableMemory : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &release, c10::DeviceType::CPU};
    void* block = std::malloc(bytes + kAlignment + sizeof(void*));
    if (!block) throw OutOfMemory(format_bytes(static_cast<double>(bytes)) + " more were needed");
    const uintptr_t data = (reinterpret_cast<uintptr_t>(block) + sizeof(void*) + kAlignment - 1) & ~(kAlignment - 1);
    reinterpret_cast<void**>(data)[-1] = block;
    auto* pointer = reinterpret_cast<void*>(data);
    return {pointer, pointer, &release, c10::DeviceType::CPU};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
};

}  // namespace

void use_reusable_cpu_memory() {
  static ReusableMemory memory;
  c10::SetCPUAllocator(&memory, /*priority=*/1);
}

}  // namespace fsc
