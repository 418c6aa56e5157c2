// Memory as kernels see it: poisoned until written, and closed at both ends.
//
// One end lies at a page that nobody may touch, so that a read or write beyond it faults at once; the message names buffer, block
// and thread. What the page leaves at the other end, and alignment, is poisoned and looked at after every launch.
#pragma once
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace fsc::cuda_on_host {

/// All bits set: NaN in every floating-point type, -1 as an integer.
inline constexpr int kPoison = 0xFF;

/// Which end of what is allocated lies at the closed page.
enum class ClosedEnd { kLast, kFirst };
inline ClosedEnd closed_end = ClosedEnd::kLast;

class GuardedMemory {
 public:
  GuardedMemory(size_t bytes, std::string name)
      : bytes_(bytes), name_(std::move(name)), page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))) {
    room_ = (rounded() + page_ - 1) / page_ * page_ + page_;  // at least a page before it
    void* memory = mmap(nullptr, room_ + 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<unsigned char*>(memory);
    mprotect(memory_, page_, PROT_NONE);
    mprotect(memory_ + page_ + room_, page_, PROT_NONE);
    begin_ = memory_ + page_ + (closed_end == ClosedEnd::kLast ? room_ - rounded() : 0);
    std::memset(memory_ + page_, kPoison, room_);
    mark(true);
    all().push_back(this);
    static const bool once = (listen(), true);
    (void)once;
  }
  ~GuardedMemory() {
    std::erase(all(), this);
    mark(false);
    munmap(memory_, room_ + 2 * page_);
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  unsigned char* begin() const { return begin_; }
  size_t bytes() const { return bytes_; }
  void poison() { std::memset(begin(), kPoison, bytes_); }

  /// What the message of a fault says beside the buffer: which thread runs at that moment.
  static void tell_where(std::string (*where)()) {
    where_ = where;
    all();  // lives longer than the caller
  }
  /// Throws when something was written just before or behind any memory that is there.
  static void check_all() {
    for (const GuardedMemory* memory : all()) memory->check();
  }

 private:
  static constexpr size_t kAlignment = 128;
  size_t rounded() const { return (bytes_ + kAlignment - 1) / kAlignment * kAlignment; }

  static std::vector<GuardedMemory*>& all() {
    static std::vector<GuardedMemory*> memories;
    return memories;
  }
  /// Says so once.
  void check() const {
#if !defined(__SANITIZE_ADDRESS__)  // which watches these bytes itself
    for (unsigned char* at = memory_ + page_; at < memory_ + page_ + room_; ++at)
      if (*at != kPoison && (at < begin() || at >= begin() + bytes_)) {
        std::memset(memory_ + page_, kPoison, begin() - (memory_ + page_));
        std::memset(begin() + bytes_, kPoison, memory_ + page_ + room_ - (begin() + bytes_));
        throw std::logic_error("written " + place(at));
      }
#endif
  }
  std::string place(const unsigned char* at) const {
    const bool before = at < begin();
    const auto distance = before ? begin() - at : at - (begin() + bytes_);
    return std::to_string(distance) + " bytes " + (before ? "before " : "behind the end of ") + name_;
  }
  void mark([[maybe_unused]] bool closed) {
#if defined(__SANITIZE_ADDRESS__)
    if (closed) {
      __asan_poison_memory_region(memory_ + page_, room_);
      __asan_unpoison_memory_region(begin(), bytes_);
    } else {
      __asan_unpoison_memory_region(memory_ + page_, room_);
    }
#endif
  }

  static void listen() {
    static unsigned char stack[64 << 10];
    stack_t alternate = {};
    alternate.ss_sp = stack;
    alternate.ss_size = sizeof stack;
    sigaltstack(&alternate, nullptr);
    struct sigaction action = {};
    action.sa_sigaction = fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
    sigaction(SIGSEGV, &action, nullptr);
  }
  static void fault(int, siginfo_t* info, void*) {
    const auto* at = static_cast<const unsigned char*>(info->si_addr);
    for (const GuardedMemory* memory : all())
      if (at >= memory->memory_ && at < memory->memory_ + memory->room_ + 2 * memory->page_) {
        std::fprintf(stderr, "touched %s%s\n", memory->place(at).c_str(), where_ ? where_().c_str() : "");
        std::abort();
      }
    // Not ours: the instruction runs again and meets the default action.
  }

  inline static std::string (*where_)() = nullptr;
  size_t bytes_;
  std::string name_;
  size_t page_, room_ = 0;
  unsigned char *memory_ = nullptr, *begin_ = nullptr;
};

/// A kernel's argument. Poisoned where nothing is given.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer(std::string name, size_t count) : memory_(count * sizeof(T), std::move(name)), count_(count) {}
  DeviceBuffer(std::string name, std::span<const T> values) : DeviceBuffer(std::move(name), values.size()) {
    if (count_) std::memcpy(memory_.begin(), values.data(), count_ * sizeof(T));
  }
  DeviceBuffer(std::string name, const std::vector<T>& values) : DeviceBuffer(std::move(name), std::span<const T>(values)) {}

  T* data() { return reinterpret_cast<T*>(memory_.begin()); }
  const T* data() const { return reinterpret_cast<const T*>(memory_.begin()); }
  size_t size() const { return count_; }
  const T& operator[](size_t at) const { return data()[at]; }
  std::vector<T> values() const { return {data(), data() + count_}; }
  void poison() { memory_.poison(); }

 private:
  GuardedMemory memory_;
  size_t count_;
};

}  // namespace fsc::cuda_on_host
