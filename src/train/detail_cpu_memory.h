// Memory of tensors on the CPU, taken so that what was freed is used again.
#pragma once

namespace fsc {

/// From now on tensors' memory comes from malloc, aligned by hand. LibTorch's posix_memalign cannot take a freed piece of
/// exactly the size it needs (glibc before 2.38 looks for one larger by the alignment), so that a training step leaves holes:
/// with LoRA a third of the memory. Values do not depend on it. An allocation that fails is an Error that says what to do.
void use_reusable_cpu_memory();

}  // namespace fsc
