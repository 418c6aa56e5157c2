// Counter-seeded random streams: what a sample draws depends on its key only, never on the thread that draws.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

namespace fsc {

/// Stream ids keep the draws for different purposes apart; values are part of a run's identity, never renumber.
enum class Stream : uint64_t {
  kShuffle = 1,
  kAugment = 2,
  kNegatives = 3,
  kSynth = 4,
  kInit = 5,
  kCaption = 6,
  kDropout = 7,
  kMix = 8,
  kBuffer = 9,
  kShards = 10,
};

/// SplitMix64 finaliser: a bijection on 64 bits with full avalanche.
uint64_t mix64(uint64_t x) noexcept;

/// xoshiro256** seeded by hashing its keys. Small, copyable, identical on every platform.
class Rng {
 public:
  explicit Rng(std::initializer_list<uint64_t> keys) noexcept;
  /// The stream of one sample: a function of (seed, epoch, index, purpose) only.
  static Rng of(uint64_t seed, uint64_t epoch, uint64_t index, Stream purpose) noexcept {
    return Rng({seed, static_cast<uint64_t>(purpose), epoch, index});
  }

  uint64_t next() noexcept;
  /// Uniform in [0, 1), 53 bits.
  double uniform() noexcept;
  double uniform(double low, double high) noexcept { return low + (high - low) * uniform(); }
  /// Uniform integer in [0, n), unbiased; n > 0.
  uint64_t below(uint64_t n) noexcept;
  bool chance(double probability) noexcept { return uniform() < probability; }
  /// Standard normal (Box-Muller, one value a call).
  double normal() noexcept;

  template <class T>
  void shuffle(std::vector<T>& values) noexcept {  // Fisher-Yates
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }
  template <class T>
  const T& pick(const std::vector<T>& values) noexcept {
    return values[below(values.size())];
  }

 private:
  std::array<uint64_t, 4> state_;
};

}  // namespace fsc
