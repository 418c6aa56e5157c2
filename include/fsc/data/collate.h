// Decoded samples to one batch of tensors.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fsc/tensor/text_rows.h"
#include "fsc/tokenize/tokenizer.h"

namespace fsc {

/// CLIP's layout, or for tokenizers that fill the context theirs.
TextLayout text_layout(const Tokenizer& tokenizer, int64_t context_length);

/// What a group's texts are to the image, for the rules of a batch.
enum class Truth {
  kOpen,   ///< no rule
  kRight,  ///< true of it: where duplicates are kept apart, a second sample with the same text waits for a later batch
  kWrong,  ///< false of it: with negatives.avoid_batch_captions dropped where it is a right text of the batch
};

/// The texts of one kind that a sample has, slot by slot.
struct TextGroup {
  std::string name;  ///< in TextRoles: kCaptions, kNegatives, ...
  Truth truth = Truth::kOpen;
  std::vector<std::optional<TokenIds>> slots = {};  ///< the tokenizer's ids, without padding; nullopt = a missing text
  std::vector<uint64_t> hashes = {};                ///< of each slot's normalised text, unless truth is open
};

/// One sample as a worker leaves it.
struct Sample {
  std::string key;
  torch::Tensor image;           ///< uint8 [3,S,S]
  std::vector<TextGroup> texts;  ///< captions first
};

/// Rows of texts are group by group, slot by slot, sample by sample. All samples must have the same groups with the same number
/// of slots, and the first group one text a sample (TORCH_CHECK).
Batch collate(const std::vector<Sample>& samples, const TextLayout& layout = {});

}  // namespace fsc
