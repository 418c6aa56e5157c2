// The threads of a block, run one after another in an order that a schedule gives, and what they wait for.
//
// Threads run until they wait at a barrier, or for the other lanes of their warp. A barrier that a thread of the block does not
// reach, because it has returned or waits elsewhere, is an error that names the lines.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <source_location>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/cuda_on_host/fibre.h"
#include "support/cuda_on_host/memory.h"

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
inline dim3 threadIdx, blockIdx, blockDim, gridDim;
inline constexpr int warpSize = 32;

namespace fsc::cuda_on_host {

using Place = std::source_location;

inline bool same(const Place& a, const Place& b) { return a.line() == b.line() && !std::strcmp(a.file_name(), b.file_name()); }

inline std::string text_of(const Place& place) {
  const std::string file = place.file_name();
  return file.substr(file.rfind('/') + 1) + ":" + std::to_string(place.line());
}

/// In which order blocks of a grid and threads of a block run.
struct Schedule {
  enum Kind { kForward, kBackward, kRandom, kWarpFirst };
  Kind kind = kForward;
  unsigned number = 0;  ///< seed, or the warp that runs as far as it can before all others

  std::string name() const {
    static const char* names[] = {"forward", "backward", "random ", "first warp "};
    return names[kind] + (kind < kRandom ? "" : std::to_string(number));
  }
};

/// A copy that cp.async began; done at the wait.
struct PendingCopy {
  void* to;
  const void* from;
  size_t bytes, zeros;
};

struct Thread {
  enum State { kReady, kWaiting, kEnded };
  Fibre fibre;
  unsigned id = 0;
  dim3 index;
  State state = kReady;
  Place at;                                     ///< where it waits
  std::deque<std::vector<PendingCopy>> copies;  ///< by group, the oldest first; the last is not committed
};

/// 32 lanes that meet in shuffles, votes and matrix products.
struct Warp {
  uint32_t mask = 0, arrived = 0, ended = 0;
  Place at;
  const char* operation = "";
  void* operands[32] = {};  ///< of each lane that has arrived
};

class Block {
 public:
  /// Devices of capability 8.6 and 8.9 have no more for a block.
  static constexpr size_t kSharedBytes = 99 << 10;

  /// The one whose threads run.
  static Block& running() {
    static Block block;
    return block;
  }

  void run(const Schedule& schedule, size_t dynamic_bytes, const std::function<void()>& body) {
    body_ = &body;
    begin(dynamic_bytes);
    std::vector<unsigned> order(count_);
    std::iota(order.begin(), order.end(), 0);
    if (schedule.kind == Schedule::kBackward) std::reverse(order.begin(), order.end());
    if (schedule.kind == Schedule::kWarpFirst)
      std::rotate(order.begin(), order.begin() + schedule.number * 32 % count_, order.end());
    std::mt19937 random(schedule.number);
    while (ended_ < count_) {
      if (schedule.kind == Schedule::kRandom) std::shuffle(order.begin(), order.end(), random);
      if (!(schedule.kind == Schedule::kWarpFirst ? warp_by_warp(order) : once_around(order))) fail("deadlock:" + who_waits());
    }
  }

  Thread& thread() { return *now_; }
  unsigned lane() const { return now_->id % 32; }
  Warp& warp() { return warps_[now_->id / 32]; }
  unsigned warps() const { return static_cast<unsigned>(warps_.size()); }

  /// __syncthreads
  void wait_for_all(const Place& place) {
    if (ended_) fail("barrier at " + text_of(place) + ", but a thread of the block has returned");
    if (arrived_ && !same(place, barrier_))
      fail("threads of one block wait at two barriers: " + text_of(barrier_) + " and " + text_of(place));
    barrier_ = place;
    if (++arrived_ < count_) return wait(place);
    arrived_ = 0;
    for (auto& thread : threads_) thread->state = Thread::kReady;
  }

  /// All lanes of `mask` hand in their operands; the last one to come runs `together` for all of them.
  template <class Together>
  void meet(const char* operation, uint32_t mask, void* operand, const Place& place, const Together& together) {
    Warp& warp = this->warp();
    const unsigned first = now_->id / 32 * 32, lanes = std::min(32u, count_ - first);
    if (lanes < 32) mask &= (1u << lanes) - 1;
    const auto described = [&] { return std::string(operation) + " at " + text_of(place); };
    if (!(mask >> lane() & 1)) fail(described() + ": the calling lane is not in the mask");
    if (warp.arrived && (std::strcmp(warp.operation, operation) || !same(warp.at, place) || warp.mask != mask))
      fail("lanes of one warp meet in two operations or masks: " + std::string(warp.operation) + " at " + text_of(warp.at) +
           " and " + described());
    if (warp.ended & mask) fail(described() + ": a lane of the mask has returned");
    warp.operation = operation;
    warp.at = place;
    warp.mask = mask;
    warp.operands[lane()] = operand;
    warp.arrived |= 1u << lane();
    if (warp.arrived != mask) return wait(place);
    together(warp);
    warp.arrived = 0;
    for (unsigned other = 0; other < lanes; ++other)
      if (mask >> other & 1) threads_[first + other]->state = Thread::kReady;
  }

  unsigned char* dynamic_shared() { return dynamic_->begin(); }
  /// The same memory for all threads that ask at this place.
  void* static_shared(size_t bytes, const Place& place) {
    auto& memory = static_[{text_of(place), bytes}];
    if (!memory) memory = std::make_unique<GuardedMemory>(bytes, "shared memory of " + text_of(place));
    if (used_.insert({memory.get(), bytes}).second) {
      memory->poison();
      shared_bytes_ += bytes;
      check_shared();
    }
    return memory->begin();
  }

  [[noreturn]] void fail(const std::string& what) const { throw std::logic_error(what + name()); }
  std::string name() const {
    const auto triple = [](const dim3& d) { return std::to_string(d.x) + "," + std::to_string(d.y) + "," + std::to_string(d.z); };
    return " [block " + triple(blockIdx) + (now_ ? ", thread " + std::to_string(now_->id) : "") + "]";
  }

 private:
  Block() {
    GuardedMemory::tell_where([] { return running().name(); });
  }

  void begin(size_t dynamic_bytes) {
    count_ = blockDim.x * blockDim.y * blockDim.z;
    if (count_ == 0 || count_ > 1024) throw std::logic_error("a block has 1 to 1024 threads");
    ended_ = arrived_ = 0;
    now_ = nullptr;
    failure_ = nullptr;
    warps_.assign((count_ + 31) / 32, {});
    while (threads_.size() > count_) threads_.pop_back();
    while (threads_.size() < count_) threads_.push_back(std::make_unique<Thread>());
    for (unsigned id = 0; id < count_; ++id) {
      Thread& thread = *threads_[id];
      thread.id = id;
      thread.index = dim3(id % blockDim.x, id / blockDim.x % blockDim.y, id / (blockDim.x * blockDim.y));
      thread.state = Thread::kReady;
      thread.copies.clear();
      thread.fibre.prepare(entry);
    }
    used_.clear();
    shared_bytes_ = dynamic_bytes_ = dynamic_bytes;
    check_shared();
    if (!dynamic_ || dynamic_->bytes() != dynamic_bytes)
      dynamic_ = std::make_unique<GuardedMemory>(dynamic_bytes, "dynamic shared memory");
    dynamic_->poison();
  }

  /// A launcher that asks for more than every kernel may have looks at the dynamic part alone.
  void check_shared() const {
    constexpr size_t kWithoutAsking = 48 << 10;
    if (shared_bytes_ > kSharedBytes) fail("more than " + std::to_string(kSharedBytes) + " bytes of shared memory");
    if (shared_bytes_ > kWithoutAsking && dynamic_bytes_ <= kWithoutAsking)
      fail("dynamic shared memory is " + std::to_string(dynamic_bytes_) +
           " bytes, but 48 KiB are not enough with the static part");
  }
  static void entry() {
    Block& block = running();
    Thread& self = *block.now_;
    self.fibre.entered();
    try {
      (*block.body_)();
      block.end();
    } catch (...) {
      block.failure_ = std::current_exception();
    }
    self.state = Thread::kEnded;
    self.fibre.finish();
  }
  void end() {
    ++ended_;
    warp().ended |= 1u << lane();
    if (arrived_) fail("a thread returns while others wait at the barrier at " + text_of(barrier_));
    if (warp().arrived && (warp().mask >> lane() & 1))
      fail("a lane returns while others wait for it: " + std::string(warp().operation) + " at " + text_of(warp().at));
    for (const auto& group : now_->copies)
      if (!group.empty()) fail("a thread returns without waiting for its asynchronous copies");
  }

  void wait(const Place& place) {
    now_->at = place;
    now_->state = Thread::kWaiting;
    Thread& self = *now_;
    self.fibre.leave();
  }
  /// False when it cannot run.
  bool step(unsigned id) {
    if (threads_[id]->state != Thread::kReady) return false;
    now_ = threads_[id].get();
    threadIdx = now_->index;
    now_->fibre.resume();
    now_ = nullptr;
    if (failure_) std::rethrow_exception(failure_);
    return true;
  }
  bool once_around(const std::vector<unsigned>& order) {
    bool moved = false;
    for (unsigned id : order) moved |= step(id);
    return moved;
  }
  bool warp_by_warp(const std::vector<unsigned>& order) {
    bool moved = false;
    for (size_t first = 0; first < order.size(); first += 32)
      for (bool again = true; again; moved |= again) {
        again = false;
        for (size_t i = first; i < std::min(first + 32, order.size()); ++i) again |= step(order[i]);
      }
    return moved;
  }
  std::string who_waits() const {
    std::map<std::string, std::string> places;
    for (const auto& thread : threads_)
      if (thread->state == Thread::kWaiting) places[text_of(thread->at)] += " " + std::to_string(thread->id);
    std::string text;
    for (const auto& [place, threads] : places) text += " at " + place + " threads" + threads + ";";
    return text;
  }

  const std::function<void()>* body_ = nullptr;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::vector<Warp> warps_;
  Thread* now_ = nullptr;
  std::exception_ptr failure_;
  unsigned count_ = 0, ended_ = 0, arrived_ = 0;
  Place barrier_;
  std::unique_ptr<GuardedMemory> dynamic_;
  std::map<std::pair<std::string, size_t>, std::unique_ptr<GuardedMemory>> static_;
  std::map<GuardedMemory*, size_t> used_;
  size_t shared_bytes_ = 0, dynamic_bytes_ = 0;
};

}  // namespace fsc::cuda_on_host
