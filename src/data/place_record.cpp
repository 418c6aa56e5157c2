// Records of places to bytes and back.
#include "data/detail_place_record.h"

namespace fsc::detail {

PlaceRecord PlaceRecord::of(const Made& made, int64_t owner) {
  PlaceRecord record{.owner = owner, .is_usable = made.sample.has_value(), .image = made.raw.image};
  if (!record.is_usable) {
    record.bad = made.raw;
    return record;
  }
  for (const TextGroup& group : made.sample->texts) {
    if (group.truth != Truth::kRight) continue;
    for (size_t k = 0; k < group.slots.size(); ++k)
      if (group.slots[k]) record.right_texts.push_back(group.hashes[k]);
  }
  return record;
}

void PlaceRecord::write(WordsOut& words) const {
  words.add(is_usable);
  if (is_usable) {
    words.add(image);
    words.add(static_cast<uint32_t>(right_texts.size()));
    for (const uint64_t hash : right_texts) words.add(hash);
  } else {
    words.add(bad.index);
    words.add(bad.lost);
    words.add(bad.key);
    words.add(bad.problem);
  }
}

PlaceRecord PlaceRecord::read(WordsIn& words, int64_t owner) {
  PlaceRecord record{.owner = owner, .is_usable = words.number<bool>()};
  if (record.is_usable) {
    record.image = words.number<uint64_t>();
    for (auto left = words.number<uint32_t>(); left > 0; --left) record.right_texts.push_back(words.number<uint64_t>());
  } else {
    record.bad.index = words.number<uint64_t>();
    record.bad.lost = words.number<int64_t>();
    record.bad.key = words.text();
    record.bad.problem = words.text();
  }
  return record;
}

}  // namespace fsc::detail
