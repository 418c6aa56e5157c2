// Collisions inside a batch: samples with the same image or caption, and negatives that are a caption of the batch.
#include "data/detail_batch_builder.h"

namespace fsc {

void BatchBuilder::add(Made made) {
  images_.insert(made.raw.image);
  captions_.insert(made.caption_hash);
  samples_.push_back(std::move(made));
}

int64_t BatchBuilder::drop_negatives_that_are_captions() {
  int64_t dropped = 0;
  for (auto& made : samples_) {
    for (size_t k = 0; k < made.negative_hashes.size(); ++k) {
      auto& negative = made.sample->negatives[k];
      if (!negative || captions_.count(made.negative_hashes[k]) == 0) continue;
      negative.reset();
      ++dropped;
    }
  }
  return dropped;
}

std::vector<Sample> BatchBuilder::take(LoaderStats& counts) {
  std::vector<Sample> samples;
  for (auto& made : samples_) {
    ++counts.samples;
    if (made.raw.source < counts.by_source.size()) ++counts.by_source[made.raw.source];
    for (const auto& negative : made.sample->negatives) counts.negatives += negative.has_value();
    samples.push_back(std::move(*made.sample));
  }
  samples_.clear();
  images_.clear();
  captions_.clear();
  return samples;
}

}  // namespace fsc
