// Made-up texts with the lengths of COCO's captions, and negatives that share what they begin with.
#pragma once
#include <cstdint>
#include <vector>

#include "fsc/tensor/text_rows.h"

namespace fsc::bench {

/// `images` captions, then `negatives` texts each, slot by slot: in turn one word replaced, two words swapped, the words
/// shuffled. 13.9 tokens a text on average; the longest of 128, 1,024 and 4,096 texts has about 23, 29 and 33.
std::vector<TokenIds> captions_and_negatives(int64_t images, int64_t negatives, int64_t vocabulary, uint64_t seed);

/// `templates` sentences around each of `classes` names, class by class, as zero-shot classification has them.
std::vector<TokenIds> prompts(int64_t templates, int64_t classes, int64_t vocabulary, uint64_t seed);

/// Packed as the loader and the evaluation do it; padded: as many tokens for each as the longest has.
enum class Packing { kPadded, kPacked, kShared };
TextRows pack(const std::vector<TokenIds>& texts, Packing packing);

/// Which image each text of captions_and_negatives has, and the roles that make them a batch.
TextRoles roles_of(int64_t images, int64_t negatives);

}  // namespace fsc::bench
