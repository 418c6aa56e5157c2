// Puts samples together to a batch and keeps duplicates apart.
#pragma once
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "data/detail_sample_maker.h"

namespace fsc {

/// The samples of one batch, and the images and captions among them.
class BatchBuilder {
 public:
  /// True when the image or the caption is in the batch already.
  bool collides(const Made& made) const { return images_.count(made.raw.image) > 0 || captions_.count(made.caption_hash) > 0; }
  void add(Made made);
  int64_t size() const { return static_cast<int64_t>(samples_.size()); }
  /// Takes out negatives that equal a caption of the batch, their own sample's or another's; how many there were.
  int64_t drop_negatives_that_are_captions();
  /// The samples, and with them the end of this batch. `counts` gets what is known of them.
  std::vector<Sample> take(LoaderStats& counts);

 private:
  std::vector<Made> samples_;
  std::unordered_set<uint64_t> images_, captions_;
};

}  // namespace fsc
