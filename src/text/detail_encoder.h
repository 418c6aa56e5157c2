// tok2vec: from words to vectors that know their neighbours (hash embedding, then four residual window layers).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "text/detail_matrix.h"
#include "text/detail_tokenizer.h"

namespace fsc::detail {

class Encoder {
 public:
  explicit Encoder(Reader& reader);

  /// The words' vectors before any neighbour is seen, each without and with a blank behind it: [pieces][2][kWidth].
  std::vector<float> embed(std::span<const Piece> pieces) const;

  /// The vectors of all words of several texts, text after text, from their embeddings: [words][kWidth]. `lengths` are the words
  /// of each text; texts do not see one another.
  std::vector<float> encode(std::span<const float* const> embedded, std::span<const size_t> lengths) const;

 private:
  static constexpr size_t kFeatures = 6;  ///< norm, prefix, suffix, shape, blank behind, is a blank
  struct Table {
    uint32_t seed = 0, rows = 0;
    std::vector<float> vectors;  ///< [rows][kWidth]
  };
  struct Layer {
    Affine affine;
    Norm norm;
    Layer(Reader& reader, size_t inputs) : affine(reader, inputs, kPieces * kWidth), norm(reader) {}
  };

  void add_rows(const WordFeatures& word, bool space_after, float* sums) const;
  void apply(const Layer& layer, std::span<const float* const> rows, const float* const* residual, float* const* out) const;
  void window(const Layer& layer, const std::vector<float>& in, std::span<const size_t> rows, std::vector<float>& out) const;

  std::array<Table, kFeatures> tables_;
  std::vector<Layer> layers_;        ///< the first mixes a word's features, the others see one neighbour on each side
  std::array<float, kWidth> blank_;  ///< the first window layer's output where all three inputs are zero
};

}  // namespace fsc::detail
