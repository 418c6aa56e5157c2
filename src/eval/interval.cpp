// Wilson's interval and its combination over several accuracies.
#include "fsc/eval/interval.h"

#include <algorithm>
#include <cmath>

namespace fsc {
namespace {
constexpr double kZ = 1.959963984540054;  // 97.5th percentile of the normal distribution
}

Interval wilson_interval(const Count& count) {
  if (count.items == 0) return {0, 100};
  const double n = static_cast<double>(count.items), p = static_cast<double>(count.hits) / n;
  const double centre = (p + kZ * kZ / (2 * n)) / (1 + kZ * kZ / n);
  const double half = kZ / (1 + kZ * kZ / n) * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n));
  return {100 * std::max(0.0, centre - half), 100 * std::min(1.0, centre + half)};
}

Interval mean_interval(const std::vector<Estimate>& parts) {
  if (parts.empty()) return {0, 100};
  double mean = 0, below = 0, above = 0;
  for (const auto& [value, interval] : parts) {
    mean += value;
    below += (value - interval.low) * (value - interval.low);
    above += (interval.high - value) * (interval.high - value);
  }
  const double n = static_cast<double>(parts.size());
  return {std::max(0.0, (mean - std::sqrt(below)) / n), std::min(100.0, (mean + std::sqrt(above)) / n)};
}

Interval paired_interval(const PairedCount& count) {
  return paired_interval(static_cast<double>(count.gained), static_cast<double>(count.lost), static_cast<double>(count.items));
}

Interval paired_interval(double gained, double lost, double items) {
  if (items == 0) return {-100, 100};
  const double n = items + 2, up = (gained + 1) / n, down = (lost + 1) / n;
  const double centre = up - down, half = kZ * std::sqrt((up + down - centre * centre) / n);
  return {100 * std::max(-1.0, centre - half), 100 * std::min(1.0, centre + half)};
}

Change sum_of_changes(const std::vector<WeightedChange>& parts) {
  Change sum;
  double below = 0, above = 0;
  for (const auto& part : parts) {
    const Interval one = paired_interval(part.count);
    const double value = part.count.percent(), squared = part.weight * part.weight;
    sum.value += part.weight * value;
    below += squared * (value - one.low) * (value - one.low);
    above += squared * (one.high - value) * (one.high - value);
  }
  sum.interval = {sum.value - std::sqrt(below), sum.value + std::sqrt(above)};
  return sum;
}

}  // namespace fsc
