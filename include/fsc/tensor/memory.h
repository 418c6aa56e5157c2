// Memory of tensors: how it is taken on the CPU, and how LibTorch says that there is none left.
#pragma once
#include <exception>
#include <string>

namespace fsc {

/// From now on tensors' memory on the CPU comes from malloc, aligned by hand. LibTorch's posix_memalign cannot take a freed piece
/// of exactly the size it needs (glibc before 2.38 looks for one larger by the alignment), so that a training step leaves holes:
/// with LoRA a third of the memory. Values do not depend on it. An allocation that fails is OutOfMemory.
void use_reusable_cpu_memory();

/// What was asked for, when `error` is LibTorch's of memory that ran out, on the CPU or on CUDA; else "".
std::string torch_memory_shortage(const std::exception& error);

}  // namespace fsc
