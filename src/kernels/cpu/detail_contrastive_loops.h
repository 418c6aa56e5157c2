// The loops of detail_contrastive.h in vectors as wide as the including file's compile flags allow.
#pragma once
#include "kernels/cpu/detail_contrastive.h"
#include "kernels/cpu/detail_tile.h"

namespace fsc::detail {
namespace {

constexpr float kMissingLogit = -1e30F;  ///< detail_float32.h's minus infinity
constexpr float kNegativeInfinity = -__builtin_inff();

inline IntVector lane_numbers() {
  IntVector numbers;
  for (size_t lane = 0; lane < kLanes; ++lane) numbers[lane] = static_cast<int32_t>(lane);
  return numbers;
}

float largest_lane(const Vector& x) {
  float value = x[0];
  for (size_t lane = 1; lane < kLanes; ++lane) value = x[lane] > value ? x[lane] : value;
  return value;
}

/// log(1 + x) for x from 0 to 1 within 3e-7 of it, however small: 2 artanh(x / (x + 2)).
Vector log_of_one_plus(const Vector& x) {
  const Vector z = x / (x + 2.0F), square = z * z;
  Vector series = broadcast(1.0F / 15);
  for (int divisor = 13; divisor >= 1; divisor -= 2) series = series * square + 1.0F / static_cast<float>(divisor);
  return 2.0F * z * series;
}

void transpose_columns(const float* rows, size_t count, size_t depth, float* to) {
  const float* each[kMostTileColumns];
  for (size_t i = 0; i < count; ++i) each[i] = rows + i * depth;
  transpose(each, count, depth, to);
}

void cosines(const CosineTile& tile, const float* rows, const float* transposed_columns, size_t depth) {
  multiply({rows, depth, 1}, transposed_columns, padded(tile.columns), tile.rows, tile.columns, depth, tile.cosines, tile.stride,
           false);
}

void add_gradients(const CosineTile& tile, const float* rows, const float* columns, size_t depth, float* row_gradients,
                   float* column_gradients) {
  multiply({tile.cosines, tile.stride, 1}, columns, depth, tile.rows, depth, tile.columns, row_gradients, depth, true);
  multiply({tile.cosines, 1, tile.stride}, rows, depth, tile.columns, depth, tile.rows, column_gradients, depth, true);
}

/// kLanes columns of a tile.
struct Columns {
  size_t first = 0, count = 0;  ///< count of them are there
  IntVector number = {};

  Columns(const CosineTile& tile, size_t column)
      : first(column),
        count(tile.columns - column < kLanes ? tile.columns - column : kLanes),
        number(lane_numbers() + static_cast<int32_t>(column)) {}

  IntVector present(const CosineTile& tile) const { return number < static_cast<int32_t>(tile.columns); }
};

Vector logits(const CosineTile& tile, size_t row, const Columns& columns, float scale) {
  Vector logit = scale * load(tile.cosines + row * tile.stride + columns.first);
  if (tile.exists) logit = load_upto(tile.exists + columns.first, columns.count) > 0.0F ? logit : broadcast(kMissingLogit);
  return columns.present(tile) ? logit : broadcast(kNegativeInfinity);
}

/// What exp() is relative to: a row of nothing but minus infinity has no largest logit to subtract.
float reference(float largest) { return largest == kNegativeInfinity ? 0 : largest; }
Vector reference(const Vector& largest) { return largest == kNegativeInfinity ? Vector{} : largest; }

float exp_of(float x) { return exponential(broadcast(x))[0]; }

/// Raises the largest logits by those of the tile, and makes the sums relative to them.
void raise(const CosineTile& tile, float scale, const RunningSums& rows, const RunningSums& columns) {
  for (size_t r = 0; r < tile.rows; ++r) {
    Vector high = broadcast(kNegativeInfinity);
    for (size_t c = 0; c < tile.columns; c += kLanes) high = larger(logits(tile, r, {tile, c}, scale), high);
    const float before = rows.largest[r], now = largest_lane(larger(broadcast(before), high));
    rows.sum[r] *= exp_of(before - reference(now));
    rows.largest[r] = now;
  }
  if (!columns.largest) return;
  for (size_t c = 0; c < tile.columns; c += kLanes) {
    const Columns these(tile, c);
    const Vector before = load_upto(columns.largest + c, these.count);
    Vector now = before;
    for (size_t r = 0; r < tile.rows; ++r) now = larger(logits(tile, r, these, scale), now);
    const Vector sum = load_upto(columns.sum + c, these.count) * exponential(before - reference(now));
    store_upto(columns.sum + c, sum, these.count);
    store_upto(columns.largest + c, now, these.count);
  }
}

void add(const CosineTile& tile, float scale, const RunningSums& rows, const RunningSums& columns) {
  raise(tile, scale, rows, columns);
  for (size_t r = 0; r < tile.rows; ++r) {
    const float row_reference = reference(rows.largest[r]);
    Vector sum = {};
    for (size_t c = 0; c < tile.columns; c += kLanes) {
      const Columns these(tile, c);
      const Vector logit = logits(tile, r, these, scale);
      sum += exponential(logit - row_reference);
      if (!columns.largest) continue;
      const Vector column_reference = reference(load_upto(columns.largest + c, these.count));
      store_upto(columns.sum + c, load_upto(columns.sum + c, these.count) + exponential(logit - column_reference), these.count);
    }
    rows.sum[r] += sum_of_lanes(sum);
  }
}

double differentiate(const CosineTile& tile, const ContrastiveWeights& weights) {
  double slope = 0;
  for (size_t r = 0; r < tile.rows; ++r) {
    const int32_t own = tile.own + static_cast<int32_t>(r);
    Vector sum = {};
    for (size_t c = 0; c < tile.columns; c += kLanes) {
      const Columns these(tile, c);
      float* place = tile.cosines + r * tile.stride + c;
      const Vector logit = logits(tile, r, these, weights.scale), cosine = these.present(tile) ? load(place) : Vector{};
      Vector share = exponential(logit - weights.row_lse[r]);
      if (weights.column_lse) share += exponential(logit - load_upto(weights.column_lse + c, these.count));
      share -= these.number == own ? broadcast(weights.own_weight) : Vector{};
      // A missing column has no slope, whatever its exp() is.
      if (tile.exists) share = load_upto(tile.exists + c, these.count) > 0.0F ? share : Vector{};
      sum += share * cosine;
      store(place, share * (weights.weight * weights.scale));
    }
    slope += static_cast<double>(sum_of_lanes(sum));
  }
  return slope * static_cast<double>(weights.weight);
}

/// sign * logit of each pair, exp(-|.|) of it, and the sign: 1 for a row's own pair, else -1.
struct SignedPairs {
  Vector sign, logit, small;

  SignedPairs(const CosineTile& tile, size_t row, const Columns& columns, float scale, float bias) {
    const Vector cosine = load(tile.cosines + row * tile.stride + columns.first);
    sign = columns.number == tile.own + static_cast<int32_t>(row) ? broadcast(1) : broadcast(-1);
    logit = sign * (scale * cosine + bias);
    small = exponential(logit > 0.0F ? -logit : logit);
  }
};

double sigmoid(const CosineTile& tile, float scale, float bias) {
  double loss = 0;
  for (size_t r = 0; r < tile.rows; ++r) {
    Vector sum = {};
    for (size_t c = 0; c < tile.columns; c += kLanes) {
      const Columns these(tile, c);
      const SignedPairs pairs(tile, r, these, scale, bias);
      const Vector term = log_of_one_plus(pairs.small) - (pairs.logit < 0.0F ? pairs.logit : Vector{});
      sum += these.present(tile) ? term : Vector{};
    }
    loss += static_cast<double>(sum_of_lanes(sum));
  }
  return loss;
}

SigmoidSlopes differentiate_sigmoid(const CosineTile& tile, float scale, float bias, float weight) {
  SigmoidSlopes slopes;
  for (size_t r = 0; r < tile.rows; ++r) {
    Vector sum = {}, by_scale = {};
    for (size_t c = 0; c < tile.columns; c += kLanes) {
      const Columns these(tile, c);
      float* place = tile.cosines + r * tile.stride + c;
      const SignedPairs pairs(tile, r, these, scale, bias);
      const Vector doubt = (pairs.logit < 0.0F ? broadcast(1) : pairs.small) / (pairs.small + 1.0F);
      const Vector slope = these.present(tile) ? -pairs.sign * doubt : Vector{};
      sum += slope;
      by_scale += slope * (these.present(tile) ? load(place) : Vector{});
      store(place, slope * (weight * scale));
    }
    slopes.bias += static_cast<double>(sum_of_lanes(sum));
    slopes.scale += static_cast<double>(sum_of_lanes(by_scale));
  }
  return {slopes.bias * static_cast<double>(weight), slopes.scale * static_cast<double>(weight)};
}

}  // namespace
}  // namespace fsc::detail
