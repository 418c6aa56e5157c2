// The loops of detail_hard_negative.h: as many rows at a time as a vector has lanes, in the reference's order of
// operations, so that NaN and infinity go where they go there.
#pragma once
#include "kernels/cpu/detail_hard_negative.h"
#include "kernels/cpu/detail_math.h"

namespace fsc::detail {
namespace {

constexpr float kSmallestDoubt = 1e-12F;
constexpr float kAbsent = -1e30F;  ///< detail_float32.h's minus infinity

Vector power(const Vector& base, float exponent) {
  if (exponent == 0) return broadcast(1);
  if (exponent == 1) return base;
  return exponent == 2 ? base * base : exponential(exponent * logarithm(base));
}

/// kLanes rows, their numbers class by class in the scratch memory. Lanes beyond the last row repeat it.
class RowGroup {
 public:
  RowGroup(const HardNegativeRows& in, size_t first) : in_(in) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      row_[lane] = first + lane < in.rows ? first + lane : in.rows - 1;
      present_[lane] = first + lane < in.rows ? -1 : 0;
    }
    Vector count = {}, sum = {};
    for (size_t c = 0; c < in.classes; ++c) {
      gather(c);
      largest_ = c == 0 ? logit(c) : larger(logit(c), largest_);
      count += exists(c);
    }
    for (size_t c = 0; c < in.classes; ++c) sum += exponential(logit(c) - largest_);
    log_sum_ = logarithm(sum);
    share_ = in.smoothing / count;
    has_negative_ = present_ & (count > 1.0F);
  }

  const IntVector& has_negative() const { return has_negative_; }
  Vector exists(size_t c) const { return load(numbers(1, c)); }
  Vector surprise(size_t c) const { return log_sum_ - (logit(c) - largest_); }
  Vector label(size_t c) const { return share_ * exists(c) + (c == 0 ? 1 - in_.smoothing : 0); }

  /// One more number a class, for the caller.
  Vector note(size_t c) const { return load(numbers(2, c)); }
  void set_note(size_t c, const Vector& value) const { store(numbers(2, c), value); }

  void scatter(const Vector& values, size_t c, float* to) const {
    for (size_t lane = 0; lane < kLanes; ++lane)
      if (present_[lane]) to[row_[lane] * in_.classes + c] = values[lane];
  }

 private:
  float* numbers(size_t kind, size_t c) const { return in_.scratch + (kind * in_.classes + c) * kLanes; }
  Vector logit(size_t c) const { return load(numbers(0, c)); }

  void gather(size_t c) const {
    float *const logits = numbers(0, c), *const flags = numbers(1, c);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const size_t row = row_[lane];
      const bool there = c == 0 || in_.valid[row * (in_.classes - 1) + c - 1];
      flags[lane] = there ? 1 : 0;
      logits[lane] = there || !in_.masked ? in_.logits[row * in_.classes + c] : kAbsent;
    }
  }

  const HardNegativeRows& in_;
  size_t row_[kLanes];
  IntVector present_, has_negative_;
  Vector largest_ = {}, log_sum_ = {}, share_ = {};
};

Vector at_least_smallest(const Vector& doubt) { return doubt < kSmallestDoubt ? broadcast(kSmallestDoubt) : doubt; }

HardNegativeSum add_rows(const HardNegativeRows& in) {
  Vector sum = {}, count = {};
  for (size_t first = 0; first < in.rows; first += kLanes) {
    const RowGroup rows(in, first);
    Vector loss = {};
    for (size_t c = 0; c < in.classes; ++c) {
      const Vector surprise = rows.surprise(c);
      loss += rows.label(c) * power(at_least_smallest(1.0F - exponential(-surprise)), in.gamma) * surprise;
    }
    sum += rows.has_negative() ? loss : Vector{};
    count += rows.has_negative() ? broadcast(1) : Vector{};
  }
  return {static_cast<double>(sum_of_lanes(sum)), static_cast<double>(sum_of_lanes(count))};
}

/// d row's loss / d surprise.
Vector slope_of(const RowGroup& rows, size_t c, float gamma) {
  const Vector surprise = rows.surprise(c), p = exponential(-surprise), doubt = at_least_smallest(1.0F - p);
  const Vector by_power = surprise * (gamma * power(doubt, gamma - 1));
  const Vector by_doubt = gamma != 0 ? (1.0F - p < kSmallestDoubt ? Vector{} : by_power * p) : Vector{};
  return rows.label(c) * (power(doubt, gamma) + by_doubt);
}

void differentiate_rows(const HardNegativeRows& in, float weight, float* slopes) {
  for (size_t first = 0; first < in.rows; first += kLanes) {
    const RowGroup rows(in, first);
    const Vector row_weight = rows.has_negative() ? broadcast(weight) : Vector{};
    Vector sum = {};
    for (size_t c = 0; c < in.classes; ++c) {
      const Vector slope = slope_of(rows, c, in.gamma);
      sum += slope;
      rows.set_note(c, slope);
    }
    for (size_t c = 0; c < in.classes; ++c) {
      const Vector by_logit = row_weight * (exponential(-rows.surprise(c)) * sum - rows.note(c));
      rows.scatter(in.masked ? (rows.exists(c) > 0.0F ? by_logit : Vector{}) : by_logit, c, slopes);
    }
  }
}

}  // namespace
}  // namespace fsc::detail
