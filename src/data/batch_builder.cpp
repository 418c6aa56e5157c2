// Collisions inside a batch: samples with the same image or right text, and wrong texts that are right ones of the batch.
#include "data/detail_batch_builder.h"

#include <algorithm>

namespace fsc::detail {
namespace {

/// Calls use(hash) for each right text of the sample until it returns true; whether it did.
template <class Use>
bool any_right_text(const Sample& sample, const Use& use) {
  for (const TextGroup& group : sample.texts) {
    if (group.truth != Truth::kRight) continue;
    for (size_t k = 0; k < group.slots.size(); ++k)
      if (group.slots[k] && use(group.hashes[k])) return true;
  }
  return false;
}

}  // namespace

bool BatchBuilder::collides(const Made& made) const {
  return images_.count(made.raw.image) > 0 ||
         any_right_text(*made.sample, [this](uint64_t hash) { return right_texts_.count(hash) > 0; });
}

void BatchBuilder::add(Made made) {
  images_.insert(made.raw.image);
  any_right_text(*made.sample, [this](uint64_t hash) { return right_texts_.insert(hash), false; });
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
