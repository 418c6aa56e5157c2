// A stack of its own that a piece of work runs on, left and entered again at any point: one for each CUDA thread.
//
// x86-64 switches with a few instructions, other processors with ucontext. AddressSanitizer is told of every switch.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace fsc::cuda_on_host {

#if defined(__x86_64__)
/// Pushes what a callee must keep, stores the stack pointer in the first argument's place and goes on from the second argument.
[[gnu::naked, gnu::noinline, gnu::no_sanitize("address", "undefined")]] inline void switch_stacks(void**, void*) {
  asm("pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");
}
#endif

class Fibre {
 public:
  Fibre() : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    void* memory = mmap(nullptr, kStack + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<char*>(memory);
    mprotect(memory_, page_, PROT_NONE);  // an overflow faults
  }
  ~Fibre() {
    forget();
    munmap(memory_, kStack + page_);
  }
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  /// The next resume() calls `entry`, which ends with finish() and never returns.
  void prepare(void (*entry)()) {
    forget();
#if defined(__x86_64__)
    auto** top = reinterpret_cast<void**>(memory_ + page_ + kStack) - 1;  // a callee finds its stack 8 off a multiple of 16
    *--top = reinterpret_cast<void*>(entry);
    for (int kept = 0; kept < 6; ++kept) *--top = nullptr;
    inside_ = top;
#else
    getcontext(&inside_);
    inside_.uc_stack = {memory_ + page_, 0, kStack};
    inside_.uc_link = nullptr;
    makecontext(&inside_, entry, 0);
#endif
  }
  /// From outside: runs it until it leaves or finishes.
  void resume() {
    before_switch(&outer_fake_stack_, memory_ + page_, kStack);
#if defined(__x86_64__)
    switch_stacks(&outside_, inside_);
#else
    swapcontext(&outside_, &inside_);
#endif
    after_switch(outer_fake_stack_, nullptr, nullptr);
  }
  /// From inside: back to where resume() was called, until the next one.
  void leave() {
    before_switch(&fake_stack_, outer_stack_, outer_size_);
    go_out();
    entered();
  }
  /// From inside, first thing of all.
  void entered() { after_switch(std::exchange(fake_stack_, nullptr), &outer_stack_, &outer_size_); }
  /// From inside, last thing of all.
  [[noreturn]] void finish() {
    before_switch(nullptr, outer_stack_, outer_size_);
    go_out();
    __builtin_unreachable();
  }

 private:
  static constexpr size_t kStack = 256 << 10;

  void go_out() {
#if defined(__x86_64__)
    switch_stacks(&inside_, outside_);
#else
    swapcontext(&inside_, &outside_);
#endif
  }
#if defined(__SANITIZE_ADDRESS__)
  static void before_switch(void** keep, const void* stack, size_t size) { __sanitizer_start_switch_fiber(keep, stack, size); }
  static void after_switch(void* kept, const void** stack, size_t* size) { __sanitizer_finish_switch_fiber(kept, stack, size); }
  /// What an abandoned run left marked on its stack must not be held against the next one.
  void forget() { __asan_unpoison_memory_region(memory_ + page_, kStack); }
#else
  static void before_switch(void**, const void*, size_t) {}
  static void after_switch(void*, const void**, size_t*) {}
  void forget() {}
#endif

  size_t page_;
  char* memory_ = nullptr;
#if defined(__x86_64__)
  void *inside_ = nullptr, *outside_ = nullptr;
#else
  ucontext_t inside_, outside_;
#endif
  void *fake_stack_ = nullptr, *outer_fake_stack_ = nullptr;
  const void* outer_stack_ = nullptr;
  size_t outer_size_ = 0;
};

}  // namespace fsc::cuda_on_host
