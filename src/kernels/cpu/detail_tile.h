// Products of small matrices in register tiles, and the transposition that A B^T needs, for the loops of one instruction set.
//
// multiply() is C (+)= A B with A of any strides (so A^T B too) and the rows of B one after another in memory: A's numbers are
// broadcast, B's and C's are vectors along a row. For A B^T the rows of B go through transpose() first. Each sum runs over the
// depth in its order, whatever the tiles are: a result does not depend on the rows and columns beside it.
#pragma once
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include "kernels/cpu/detail_math.h"

namespace fsc::detail {
namespace {

/// Sums that fit into the registers: 32 of them with AVX-512, else 16.
constexpr size_t kTileRows = kLanes == 16 ? 12 : 6, kTileVectors = 2;

/// A matrix by its strides: element (i, k) is at[i * row + k * depth].
struct Strided {
  const float* at;
  size_t row, depth;
};

/// A term of a sum: a number of A times a vector of B.
struct FloatTerm {
  static Vector spread(const float* number) { return broadcast(*number); }
  static Vector add(const Vector& sum, const Vector& columns, const Vector& left) { return sum + columns * left; }
};

#if defined(__AVX512BF16__)
/// Two terms at a time: what stands in the place of a float are two bf16 numbers that follow each other along the depth.
struct PairTerm {
  static Vector spread(const float* pair) {
    uint32_t bits;
    __builtin_memcpy(&bits, pair, sizeof bits);
    return from_bits(broadcast_bits(bits));
  }
  static Vector add(const Vector& sum, const Vector& columns, const Vector& left) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(columns), reinterpret_cast<__m512bh>(left));
  }
};
#endif

/// kRows rows of kVectors vectors of C; the last vector has `last` numbers (kWhole: all).
template <typename Term, size_t kRows, size_t kVectors, bool kWhole>
inline void tile(const Strided& a, const float* b, size_t b_stride, size_t depth, float* c, size_t c_stride, size_t last,
                 bool add) {
  constexpr size_t kGroup = 3;  // rows that share an address register: offsets 0, row and 2 row
  const float* groups[(kRows + kGroup - 1) / kGroup];
  for (size_t g = 0; g * kGroup < kRows; ++g) groups[g] = a.at + g * kGroup * a.row;
  const auto count = [&](size_t v) { return kWhole || v + 1 < kVectors ? kLanes : last; };
  Vector sums[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < kVectors; ++v) sums[r][v] = add ? load_upto(c + r * c_stride + v * kLanes, count(v)) : Vector{};
  for (size_t k = 0; k < depth; ++k, b += b_stride) {
    Vector columns[kVectors];
    for (size_t v = 0; v < kVectors; ++v) columns[v] = load_upto(b + v * kLanes, count(v));
    for (size_t r = 0; r < kRows; ++r) {
      const Vector left = Term::spread(groups[r / kGroup] + (r % kGroup) * a.row);
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] = Term::add(sums[r][v], columns[v], left);
    }
    for (size_t g = 0; g * kGroup < kRows; ++g) groups[g] += a.depth;
  }
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < kVectors; ++v) store_upto(c + r * c_stride + v * kLanes, sums[r][v], count(v));
}

/// tile() for a number of rows that is known when it runs.
template <typename Term, size_t kRows, size_t kVectors, bool kWhole>
inline void tile_of(size_t rows, const Strided& a, const float* b, size_t b_stride, size_t depth, float* c, size_t c_stride,
                    size_t last, bool add) {
  if (rows == kRows) return tile<Term, kRows, kVectors, kWhole>(a, b, b_stride, depth, c, c_stride, last, add);
  if constexpr (kRows > 1) tile_of<Term, kRows - 1, kVectors, kWhole>(rows, a, b, b_stride, depth, c, c_stride, last, add);
}

/// Rows of B that are worked on at a time: a panel of them and what it meets stay in the first-level cache.
constexpr size_t kPanelDepth = 128, kPanelWidth = kTileVectors * kLanes;

/// Columns of B side by side in memory: rows that are a large power of two apart would push each other out of the cache.
inline void pack_panel(const float* b, size_t b_stride, size_t depth, float* panel) {
  for (size_t k = 0; k < depth; ++k)
    for (size_t v = 0; v < kPanelWidth; v += kLanes) store(panel + k * kPanelWidth + v, load(b + k * b_stride + v));
}

/// The columns of C from the rows of B that stand at `b`, up to kPanelWidth of them.
template <typename Term>
inline void multiply_panel(const Strided& a, const float* b, size_t b_stride, size_t rows, size_t columns, size_t depth, float* c,
                           size_t c_stride, bool add) {
  const size_t blocks = (rows + kTileRows - 1) / kTileRows, done = columns / kLanes * kLanes;
  for (size_t block = 0; block < blocks; ++block) {
    const size_t i = block * rows / blocks, count = (block + 1) * rows / blocks - i;
    const Strided part{a.at + i * a.row, a.row, a.depth};
    float* const out = c + i * c_stride;
    if (columns >= kPanelWidth) {
      tile_of<Term, kTileRows, kTileVectors, true>(count, part, b, b_stride, depth, out, c_stride, kLanes, add);
      continue;
    }
    if (done > 0) tile_of<Term, kTileRows, 1, true>(count, part, b, b_stride, depth, out, c_stride, kLanes, add);
    if (columns > done)
      tile_of<Term, kTileRows, 1, false>(count, part, b + done, b_stride, depth, out + done, c_stride, columns - done, add);
  }
}

/// C [rows, columns] (+)= A [rows, depth] B [depth, columns].
template <typename Term = FloatTerm>
inline void multiply(const Strided& a, const float* b, size_t b_stride, size_t rows, size_t columns, size_t depth, float* c,
                     size_t c_stride, bool add) {
  if (rows == 0) return;
  alignas(64) float panel[kPanelDepth * kPanelWidth];
  for (size_t j = 0; j < columns; j += kPanelWidth) {
    const size_t left = columns - j, width = left < kPanelWidth ? left : kPanelWidth;
    // No rows of B at all still have to make zeros.
    for (size_t k = 0; k == 0 || k < depth; k += kPanelDepth) {
      const size_t deep = depth - k < kPanelDepth ? depth - k : kPanelDepth;
      const float* const from = b + k * b_stride + j;
      const bool packs = width == kPanelWidth && b_stride > kPanelWidth && rows > kTileRows;
      if (packs) pack_panel(from, b_stride, deep, panel);
      multiply_panel<Term>({a.at + k * a.depth, a.row, a.depth}, packs ? panel : from, packs ? kPanelWidth : b_stride, rows,
                           width, deep, c + j, c_stride, add || k > 0);
    }
  }
}

/// Groups of kStep lanes: the second ones of `a` and the first ones of `b` change places.
template <size_t kStep>
inline void exchange(Vector& a, Vector& b) {
  IntVector even, odd;
  for (size_t i = 0; i < kLanes; ++i) {
    const bool second = (i / kStep) % 2 == 1;
    even[i] = static_cast<int32_t>(second ? kLanes + i - kStep : i);
    odd[i] = static_cast<int32_t>(second ? kLanes + i : i + kStep);
  }
  const Vector first = a;
  a = __builtin_shuffle(first, b, even);
  b = __builtin_shuffle(first, b, odd);
}

/// Rows and columns of a square of vectors change places.
template <size_t kStep = kLanes / 2>
inline void transpose_square(Vector (&square)[kLanes]) {
  for (size_t i = 0; i < kLanes; ++i)
    if (i / kStep % 2 == 0) exchange<kStep>(square[i], square[i + kStep]);
  if constexpr (kStep > 1) transpose_square<kStep / 2>(square);
}

/// Numbers that `columns` rows take once they stand side by side.
constexpr size_t padded(size_t columns) { return (columns + kLanes - 1) / kLanes * kLanes; }

/// Rows of `depth` numbers, float or bf16 -> to [depth][padded(count)] float, zeros after the last row.
template <typename Number>
inline void transpose(const Number* const* rows, size_t count, size_t depth, float* to) {
  const size_t stride = padded(count);
  for (size_t j = 0; j < stride; j += kLanes)
    for_each_vector(depth, [&](size_t k, size_t whole) {
      Vector square[kLanes];
      for (size_t i = 0; i < kLanes; ++i) square[i] = j + i < count ? load_upto(rows[j + i] + k, whole) : Vector{};
      transpose_square(square);
      for (size_t i = 0; i < whole; ++i) store(to + (k + i) * stride + j, square[i]);
    });
}

}  // namespace
}  // namespace fsc::detail
