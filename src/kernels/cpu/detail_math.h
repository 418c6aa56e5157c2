// Functions of vectors (fsc/core/vector.h): exponential, logarithm, sums over lanes, bf16 in and out.
#pragma once
#include "fsc/core/vector.h"

namespace fsc::detail {
namespace {

typedef uint16_t HalfVector __attribute__((vector_size(kLanes * sizeof(uint16_t))));
typedef uint32_t BitVector __attribute__((vector_size(kLanes * sizeof(uint32_t))));

inline BitVector bits_of(const Vector& x) { return reinterpret_cast<BitVector>(x); }
inline Vector from_bits(const BitVector& bits) { return reinterpret_cast<Vector>(bits); }
inline BitVector broadcast_bits(uint32_t value) { return BitVector{} + value; }

inline Vector smaller(const Vector& a, const Vector& b) { return a < b ? a : b; }
inline Vector larger(const Vector& a, const Vector& b) { return a > b ? a : b; }

/// The sum over lanes, halves added to each other until one is left.
inline float sum_of_lanes(const Vector& vector) {
  float parts[kLanes];
  store(parts, vector);
  for (size_t width = kLanes / 2; width > 0; width /= 2)
    for (size_t i = 0; i < width; ++i) parts[i] += parts[i + width];
  return parts[0];
}

/// e^x within 2e-7 of it; 0 below -87.3 (no denormal numbers), infinity above 88.7, NaN stays.
/// x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 is taken away in two parts, the first of which has few bits; Taylor's series of e^r.
inline Vector exponential(const Vector& x) {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: what is added to it loses its fraction
  const Vector low = broadcast(-87.3F), high = broadcast(88.72283F);
  const Vector bounded = smaller(larger(x, low), high);
  const Vector n = (bounded * 1.44269504F + kRound) - kRound;
  const Vector r = (bounded - n * 0.693359375F) + n * 2.12194440e-4F;
  Vector series = broadcast(1.0F / 5040);
  constexpr float kTerms[] = {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F};
  for (const float term : kTerms) series = series * r + term;
  // 2^n as two factors: n = 128 alone would be infinite.
  const IntVector exponent = __builtin_convertvector(n, IntVector), half = exponent >> 1;
  const auto power = [](const IntVector& e) { return reinterpret_cast<Vector>((e + 127) << 23); };
  Vector result = series * power(half) * power(exponent - half);
  result = x < low ? Vector{} : result;
  result = x > high ? broadcast(__builtin_inff()) : result;
  return x == x ? result : x;
}

/// ln x within 3e-7 of it (absolute near 1); -infinity of 0, NaN of negative numbers and NaN.
/// x = 2^n m with m around 1; ln m = 2 artanh((m - 1) / (m + 1)).
inline Vector logarithm(const Vector& x) {
  constexpr float kSmallestNormal = 1.17549435e-38F, kTwo23 = 8388608.0F;
  const auto small = x < kSmallestNormal;
  const Vector normal = small ? x * kTwo23 : x;
  // The exponent is counted from sqrt(1/2), so that m lies in [0.707, 1.414).
  const BitVector shifted = bits_of(normal) - 0x3F3504F3U;
  const IntVector n = reinterpret_cast<IntVector>(shifted) >> 23;
  const Vector m = from_bits((shifted & 0x007FFFFFU) + 0x3F3504F3U);
  const Vector s = (m - 1.0F) / (m + 1.0F), s2 = s * s;
  Vector series = broadcast(1.0F / 9);
  constexpr float kTerms[] = {1.0F / 7, 1.0F / 5, 1.0F / 3};
  for (const float term : kTerms) series = series * s2 + term;
  const Vector exponent = __builtin_convertvector(n, Vector) - (small ? broadcast(23.0F) : Vector{});
  Vector result = exponent * 0.693359375F + (2.0F * s * s2 * series - exponent * 2.12194440e-4F + 2.0F * s);
  result = x == 0.0F ? broadcast(-__builtin_inff()) : result;
  result = x == __builtin_inff() ? x : result;
  return x >= 0.0F ? result : broadcast(__builtin_nanf(""));
}

inline Vector load(const uint16_t* bf16) {
  HalfVector half;
  __builtin_memcpy(&half, bf16, sizeof half);
  return from_bits(__builtin_convertvector(half, BitVector) << 16);
}

/// Rounds to the nearest bf16, ties to even; NaN stays one.
inline void store(uint16_t* bf16, const Vector& x) {
  const BitVector bits = bits_of(x);
  const BitVector rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
  const HalfVector half = __builtin_convertvector(x == x ? rounded : broadcast_bits(0x7FC0U), HalfVector);
  __builtin_memcpy(bf16, &half, sizeof half);
}

/// The first `count` < kLanes numbers, zeros after them.
template <typename Number>
inline Vector load_some(const Number* from, size_t count) {
  Number numbers[kLanes] = {};
  for (size_t i = 0; i < count; ++i) numbers[i] = from[i];
  return load(numbers);
}
template <typename Number>
inline void store_some(Number* to, const Vector& vector, size_t count) {
  Number numbers[kLanes];
  store(numbers, vector);
  for (size_t i = 0; i < count; ++i) to[i] = numbers[i];
}

/// Calls each(i, whole) for vectors at i = 0, kLanes, ... of `size` numbers; whole = kLanes, or what is left.
template <typename Function>
inline void for_each_vector(size_t size, const Function& each) {
  size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) each(i, kLanes);
  if (i < size) each(i, size - i);
}
template <typename Number>
inline Vector load_upto(const Number* from, size_t count) {
  return count == kLanes ? load(from) : load_some(from, count);
}
template <typename Number>
inline void store_upto(Number* to, const Vector& vector, size_t count) {
  count == kLanes ? store(to, vector) : store_some(to, vector, count);
}

}  // namespace
}  // namespace fsc::detail
