// Puts samples together to a batch and keeps duplicates apart.
#pragma once
#include <unordered_set>
#include <vector>

#include "data/detail_place_record.h"

namespace fsc::detail {

/// The samples of one batch of all processes, and the images and right texts among them.
class BatchBuilder {
 public:
  /// For process `rank` of `world`.
  BatchBuilder(int64_t rank, int64_t world) : rank_(rank), rows_of_ranks_(static_cast<size_t>(world)) {}

  /// True when the image or one of the right texts is in the batch already.
  bool collides(const PlaceRecord& record) const;
  void add(Placed placed);
  /// Samples of all processes.
  int64_t size() const { return size_; }
  const std::vector<int64_t>& rows_of_ranks() const { return rows_of_ranks_; }
  /// Takes out this process's wrong texts that equal a right one of the batch, of whatever sample; how many there were.
  int64_t drop_wrong_texts_that_are_right();
  /// This process's samples, in the order in which they came. `counts` gets what is known of them.
  std::vector<Sample> take(LoaderStats& counts);

 private:
  const int64_t rank_;
  int64_t size_ = 0;
  std::vector<int64_t> rows_of_ranks_;
  std::vector<Made> samples_;
  std::unordered_set<uint64_t> images_, right_texts_;
};

}  // namespace fsc::detail
