// 95% intervals of accuracies and of means of accuracies, in percent.
#pragma once
#include <cstdint>
#include <vector>

namespace fsc {

struct Interval {
  double low = 0, high = 0;
};

/// `hits` of `items` were right.
struct Count {
  int64_t hits = 0, items = 0;
  double percent() const { return items ? 100.0 * static_cast<double>(hits) / static_cast<double>(items) : 0.0; }
};

/// Wilson's score interval of an accuracy; [0, 100] without items.
Interval wilson_interval(const Count& count);

/// A number with its interval.
struct Estimate {
  double value = 0;
  Interval interval;
};

/// Interval of the plain mean of several scores, taken as independent: their intervals combined by the method of variance
/// estimates recovery (Zou and Donner 2008), within [0, 100]. One score keeps its interval; 0 and 100 percent keep a width.
Interval mean_interval(const std::vector<Estimate>& parts);

/// The same items before and after: `gained` became right, `lost` became wrong.
struct PairedCount {
  int64_t gained = 0, lost = 0, items = 0;
  double percent() const { return items ? 100.0 * static_cast<double>(gained - lost) / static_cast<double>(items) : 0.0; }
};

/// Interval of a change of accuracy, in percentage points: the adjusted Wald interval of Bonett and Price (2012) for paired
/// proportions. [-100, 100] without items.
Interval paired_interval(const PairedCount& count);
/// The same for counts that are expected, not seen, and so may be fractions.
Interval paired_interval(double gained, double lost, double items);

/// A weighted sum of changes taken as independent: value and interval, combined as in mean_interval.
struct WeightedChange {
  double weight = 1;
  PairedCount count;
};
using Change = Estimate;
Change sum_of_changes(const std::vector<WeightedChange>& parts);

}  // namespace fsc
