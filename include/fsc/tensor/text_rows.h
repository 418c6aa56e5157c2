// Texts as packed tokens, made in one place for training, evaluation and checks, and what each text is to a batch.
// Shape suffixes: B images, R texts, M tokens of all texts, V valid ones, N texts of a group an image.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fsc/tensor/sequences.h"

namespace fsc {

/// Ids of one text as the tokenizer gives them, without padding.
using TokenIds = std::vector<int64_t>;

/// How texts are packed.
struct TextLayout {
  int64_t pad_id = 0;
  int64_t width = 0;  ///< 0 = CLIP's way: as they are; valid is all but id 0 and the first token (SOT). Else padded to this
                      ///< width, the padding has a part in the feature; valid is what was there before it (SigLIP: words and the
                      ///< first EOS)
  bool share_prefixes = true;  ///< CLIP's way only: what two texts begin with is there once
};

/// What the text tower takes, and which of its tokens the losses look at. Equal texts are there once.
struct TextRows {
  TextLayout layout;
  torch::Tensor ids_M, positions_M;  ///< int64: tokens one after another, and the place of each in its text
  Sequences sequences;               ///< which of them see which; a sequence is a distinct text
  torch::Tensor sequence_R;          ///< int64, each text's sequence
  torch::Tensor eot_R;               ///< int64, each text's first token with the largest id, a row of [M]
  torch::Tensor tokens_V;            ///< int64, the valid tokens of all texts, text by text, rows of [M]
  torch::Tensor offsets_R1;          ///< int64: text r has the valid tokens offsets[r] ... offsets[r + 1] - 1

  int64_t size() const { return sequence_R.size(0); }
  int64_t tokens() const { return ids_M.size(0); }
  void each_tensor(const TensorVisitor& visit);
  TextRows to(torch::Device device) const { return copied_to(*this, device); }
};

/// At least one text, none of them empty or longer than a width that is given (TORCH_CHECK).
TextRows make_text_rows(const std::vector<const TokenIds*>& texts, const TextLayout& layout);

/// The texts again, without padding.
std::vector<TokenIds> token_ids(const TextRows& rows);

/// The texts in `parts` pieces, as equal as can be and in order, each packed by itself.
std::vector<TextRows> in_parts(const TextRows& rows, int64_t parts);

/// Groups that every batch has.
inline constexpr const char* kCaptions = "captions";    ///< N = 1
inline constexpr const char* kNegatives = "negatives";  ///< N = negatives.per_caption, or 0

/// Whose texts the rows are, and as what they are there. Batch and Features have the same; a further kind of text is a further
/// group.
class TextRoles {
 public:
  torch::Tensor owner_R;  ///< int64, image of each text

  /// rows_BN int64: row of each text of the group, -1 = missing. A second group of the same name is a bug (TORCH_CHECK).
  void add(std::string group, torch::Tensor rows_BN);
  bool has(const std::string& group) const;
  /// [B,N]; a bug when there is no such group (TORCH_CHECK names those there are).
  const torch::Tensor& rows_BN(const std::string& group) const;
  /// [B], row of each image's caption.
  torch::Tensor captions_B() const { return rows_BN(kCaptions).select(1, 0); }
  const torch::Tensor& negatives_BN() const { return rows_BN(kNegatives); }
  /// The same with another group of that name in its place.
  TextRoles with(const std::string& group, torch::Tensor rows_BN) const;

  void each_tensor(const TensorVisitor& visit);
  TextRoles to(torch::Device device) const { return copied_to(*this, device); }
  const std::vector<std::pair<std::string, torch::Tensor>>& groups() const { return groups_; }

 private:
  std::vector<std::pair<std::string, torch::Tensor>> groups_;
};

/// B images and R texts: the B captions in order, then the texts of the other groups that exist, slot by slot.
struct Batch {
  torch::Tensor images;  ///< [B,3,S,S] uint8, or float32 as a model takes them
  TextRows texts;
  std::vector<TextRows> text_parts = {};  ///< the texts in the parts that a step takes them in (in_parts); none = not yet parted
  TextRoles roles;
  std::vector<std::string> keys;            ///< B names for messages
  std::vector<int64_t> rows_of_ranks = {};  ///< images that each process has of the batch they share; {} or {B} = alone

  void each_tensor(const TensorVisitor& visit);
  Batch to(torch::Device device) const { return copied_to(*this, device); }
};

}  // namespace fsc
