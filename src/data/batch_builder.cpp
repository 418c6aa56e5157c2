// Collisions inside a batch: samples with the same image or right text, and wrong texts that are right ones of the batch.
#include "data/detail_batch_builder.h"

#include <algorithm>

namespace fsc::detail {

bool BatchBuilder::collides(const PlaceRecord& record) const {
  if (images_.count(record.image) > 0) return true;
  return std::any_of(record.right_texts.begin(), record.right_texts.end(),
                     [this](uint64_t hash) { return right_texts_.count(hash) > 0; });
}

void BatchBuilder::add(Placed placed) {
  const PlaceRecord& record = placed.record;
  images_.insert(record.image);
  right_texts_.insert(record.right_texts.begin(), record.right_texts.end());
  ++size_;
  ++rows_of_ranks_.at(static_cast<size_t>(record.owner));
  if (record.owner == rank_) samples_.push_back(std::move(placed.made));
}

int64_t BatchBuilder::drop_wrong_texts_that_are_right() {
  int64_t dropped = 0;
  for (auto& made : samples_) {
    for (TextGroup& group : made.sample->texts) {
      if (group.truth != Truth::kWrong) continue;
      for (size_t k = 0; k < group.slots.size(); ++k) {
        if (!group.slots[k] || right_texts_.count(group.hashes[k]) == 0) continue;
        group.slots[k].reset();
        ++dropped;
      }
    }
  }
  return dropped;
}

std::vector<Sample> BatchBuilder::take(LoaderStats& counts) {
  std::vector<Sample> samples;
  for (auto& made : samples_) {
    ++counts.samples;
    if (made.raw.source < counts.by_source.size()) ++counts.by_source[made.raw.source];
    for (const TextGroup& group : made.sample->texts)
      if (group.truth == Truth::kWrong)
        counts.negatives +=
            std::count_if(group.slots.begin(), group.slots.end(), [](const auto& text) { return text.has_value(); });
    samples.push_back(std::move(*made.sample));
  }
  return samples;
}

}  // namespace fsc::detail
