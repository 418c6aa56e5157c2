// The loops of detail_kernels.h in vectors as wide as the including file's compile flags allow.
// Each matrix_*.cpp includes this once; fsc/core/vector.h says why all is in an unnamed namespace.
#pragma once
#include "fsc/core/vector.h"
#include "text/detail_kernels.h"

namespace fsc::detail {
namespace {

/// kRows rows times kVectors vectors of columns: as many sums as fit into registers. Each sum runs over the inputs in their
/// order.
template <size_t kRows, size_t kVectors>
void tile(const float* weights, const float* bias, size_t inputs, const float* const* rows, float* out, size_t out_stride) {
  Vector sums[kRows][kVectors];
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < kVectors; ++v) sums[r][v] = load(bias + v * kLanes);
  for (size_t k = 0; k < inputs; ++k, weights += kColumnBlock) {
    Vector columns[kVectors];
    for (size_t v = 0; v < kVectors; ++v) columns[v] = load(weights + v * kLanes);
    for (size_t r = 0; r < kRows; ++r)
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] += columns[v] * rows[r][k];
  }
  for (size_t r = 0; r < kRows; ++r)
    for (size_t v = 0; v < kVectors; ++v) store(out + r * out_stride + v * kLanes, sums[r][v]);
}

/// All columns of one block.
template <size_t kRows, size_t kVectors>
void tiles(const float* weights, const float* bias, size_t inputs, const float* const* rows, float* out, size_t out_stride) {
  constexpr size_t kStep = kVectors * kLanes;
  for (size_t c = 0; c < kColumnBlock; c += kStep)
    tile<kRows, kVectors>(weights + c, bias + c, inputs, rows, out + c, out_stride);
}

void affine(const float* weights, const float* bias, size_t inputs, size_t columns, const float* const* rows, size_t count,
            float* out) {
  constexpr size_t kTwo = 2, kAll = kColumnBlock / kLanes;
  for (size_t c = 0; c < columns; c += kColumnBlock, weights += inputs * kColumnBlock) {
    size_t r = 0;
    const auto at = [&](size_t row) { return out + row * columns + c; };
    for (; r + 6 <= count; r += 6) tiles<6, kTwo>(weights, bias + c, inputs, rows + r, at(r), columns);
    for (; r + 3 <= count; r += 3) tiles<3, kTwo>(weights, bias + c, inputs, rows + r, at(r), columns);
    for (; r < count; ++r) tiles<1, kAll>(weights, bias + c, inputs, rows + r, at(r), columns);
  }
}

/// A sum over kWidth numbers runs in sixteen parts on every machine, so that its order, and with it its bits, are the same.
constexpr size_t kParts = 16, kSums = kParts / kLanes, kVectorsPerRow = kWidth / kLanes;

float total(const Vector (&sums)[kSums]) {
  float parts[kParts];
  for (size_t i = 0; i < kSums; ++i) store(parts + i * kLanes, sums[i]);
  for (size_t width = kParts / 2; width > 0; width /= 2)
    for (size_t i = 0; i < width; ++i) parts[i] += parts[i + width];
  return parts[0];
}

void maxout_norm(const float* values, const float* gain, const float* shift, const float* const* residual, size_t count,
                 float* const* out) {
  constexpr float kEpsilon = 1e-8F;
  for (size_t r = 0; r < count; ++r, values += kPieces * kWidth) {
    Vector best[kVectorsPerRow], sum[kSums] = {}, squares[kSums] = {};
    for (size_t i = 0; i < kVectorsPerRow; ++i) {
      best[i] = load(values + i * kLanes);
      for (size_t piece = 1; piece < kPieces; ++piece) {
        const Vector other = load(values + piece * kWidth + i * kLanes);
        best[i] = other > best[i] ? other : best[i];
      }
      sum[i % kSums] += best[i];
    }
    const float mean = total(sum) / kWidth;
    for (size_t i = 0; i < kVectorsPerRow; ++i) {
      best[i] -= mean;
      squares[i % kSums] += best[i] * best[i];
    }
    const float scale = 1 / __builtin_sqrtf(total(squares) / kWidth + kEpsilon);
    for (size_t i = 0; i < kVectorsPerRow; ++i) {
      Vector result = best[i] * scale * load(gain + i * kLanes) + load(shift + i * kLanes);
      if (residual) result += load(residual[r] + i * kLanes);
      store(out[r] + i * kLanes, result);
    }
  }
}

}  // namespace
}  // namespace fsc::detail
