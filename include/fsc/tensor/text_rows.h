// Texts as rows of tokens, made in one place for training, evaluation and checks, and what each text is to a batch.
// Shape suffixes: B images, R texts, T text tokens, N texts of a group an image.
#pragma once
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fsc {

/// Ids of one text as the tokenizer gives them, without padding.
using TokenIds = std::vector<int64_t>;

/// How texts become a rectangle.
struct TextLayout {
  int64_t pad_id = 0;
  int64_t width = 0;  ///< 0 = CLIP's way: as wide as the longest text, and valid is all but id 0 and the first token (SOT). Else
                      ///< as wide as this, and valid is what was there before the padding (SigLIP: words and the first EOS)
};

/// What the text tower takes, and which of its tokens the losses look at.
struct TextRows {
  torch::Tensor ids_RT;    ///< int64
  torch::Tensor valid_RT;  ///< bool

  int64_t size() const { return ids_RT.size(0); }
};

/// At least one text, none longer than a width that is given (TORCH_CHECK).
TextRows make_text_rows(const std::vector<const TokenIds*>& texts, const TextLayout& layout);

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

  TextRoles to(torch::Device device) const;
  const std::vector<std::pair<std::string, torch::Tensor>>& groups() const { return groups_; }

 private:
  std::vector<std::pair<std::string, torch::Tensor>> groups_;
};

/// B images and R texts: the B captions in order, then the texts of the other groups that exist, slot by slot.
struct Batch {
  torch::Tensor images;  ///< float32 [B,3,S,S]
  TextRows texts;
  TextRoles roles;
  std::vector<std::string> keys;  ///< B names for messages
};

}  // namespace fsc
