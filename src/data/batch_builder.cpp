// Collisions inside a batch: samples with the same image or right text, and wrong texts that are right ones of the batch.
#include "data/detail_batch_builder.h"

#include <algorithm>

namespace fsc::detail {
namespace {

/// Hashes of the texts that are true of the sample's image.
std::vector<uint64_t> right_texts_of(const Sample& sample) {
  std::vector<uint64_t> hashes;
  for (const TextGroup& group : sample.texts) {
    if (group.truth != Truth::kRight) continue;
    for (size_t k = 0; k < group.slots.size(); ++k)
      if (group.slots[k]) hashes.push_back(group.hashes[k]);
  }
  return hashes;
}

}  // namespace

bool BatchBuilder::collides(const Made& made) const {
  if (images_.count(made.raw.image) > 0) return true;
  const auto texts = right_texts_of(*made.sample);
  return std::any_of(texts.begin(), texts.end(), [this](uint64_t hash) { return right_texts_.count(hash) > 0; });
}

void BatchBuilder::add(Made made) {
  images_.insert(made.raw.image);
  const auto texts = right_texts_of(*made.sample);
  right_texts_.insert(texts.begin(), texts.end());
  samples_.push_back(std::move(made));
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
  samples_.clear();
  images_.clear();
  right_texts_.clear();
  return samples;
}

}  // namespace fsc::detail
