// The dependency parser: scores the moves of a parse state by a small network and takes the best one allowed, until none is left.
#pragma once
#include <span>
#include <vector>

#include "text/detail_grammar.h"
#include "text/detail_matrix.h"
#include "text/detail_parse_state.h"

namespace fsc::detail {

/// Of each word its head (itself for a root) and the move that gave it (-1 for a root).
struct Parse {
  std::vector<int> heads, moves;
};

class Parser {
 public:
  Parser(Reader& reader, std::vector<Move> moves);
  const std::vector<Move>& moves() const { return moves_; }
  /// The parse of one text from its words' vectors [words][kWidth].
  Parse parse(const float* vectors, size_t words) const;

 private:
  static constexpr size_t kHidden = 64, kHiddenPieces = 2, kMaxout = kHidden * kHiddenPieces;
  static constexpr size_t kFeatures = ParseState::kContext;

  int best_move(const ParseState& state, const float* hidden) const;
  void activate(const std::array<int, kFeatures>& context, const float* words, float* hidden) const;

  std::vector<Move> moves_;
  Affine lower_;                       ///< kWidth -> kHidden
  Affine features_;                    ///< kHidden -> a part of the hidden layer's input for each place in the context
  std::vector<float> bias_, padding_;  ///< of the hidden layer; what stands for a word that is not there, for each place
  Affine upper_;                       ///< kHidden -> moves
};

}  // namespace fsc::detail
