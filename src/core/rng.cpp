// xoshiro256** (Blackman, Vigna) with SplitMix64 seeding.
#include "fsc/core/rng.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace fsc {

uint64_t mix64(uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

Rng::Rng(std::initializer_list<uint64_t> keys) noexcept {
  uint64_t h = 0x6A09E667F3BCC909ULL;
  for (uint64_t key : keys) h = mix64(h ^ (key + 0x9E3779B97F4A7C15ULL)) + 0x9E3779B97F4A7C15ULL;
  for (auto& word : state_) word = mix64(h += 0x9E3779B97F4A7C15ULL);
}

uint64_t Rng::next() noexcept {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Rng::uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

uint64_t Rng::below(uint64_t n) noexcept {
  // Reject the few values that would make small results likelier.
  const uint64_t limit = -n % n;
  uint64_t x = next();
  while (x < limit) x = next();
  return x % n;
}

double Rng::normal() noexcept {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

}  // namespace fsc
