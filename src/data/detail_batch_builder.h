// Puts samples together to a batch and keeps duplicates apart.
#pragma once
#include <unordered_set>
#include <vector>

#include "data/detail_sample_maker.h"

namespace fsc::detail {

/// The samples of one batch, and the images and right texts among them.
class BatchBuilder {
 public:
  /// True when the image or one of the right texts is in the batch already.
  bool collides(const Made& made) const;
  void add(Made made);
  int64_t size() const { return static_cast<int64_t>(samples_.size()); }
  /// Takes out wrong texts that equal a right one of the batch, their own sample's or another's; how many there were.
  int64_t drop_wrong_texts_that_are_right();
  /// The samples, and with them the end of this batch. `counts` gets what is known of them.
  std::vector<Sample> take(LoaderStats& counts);

 private:
  std::vector<Made> samples_;
  std::unordered_set<uint64_t> images_, right_texts_;
};

}  // namespace fsc::detail
