// What can be told from heads and dependencies: edges of subtrees, heads that were lifted, noun chunks.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "fsc/text/analysis.h"
#include "text/detail_grammar.h"

namespace fsc::detail {

/// First and last token of each token's subtree.
struct Edges {
  std::vector<int32_t> left, right;
};
Edges subtree_edges(std::span<const Token> tokens);

/// Gives the tokens heads and dependencies from the parse; arcs of moves with a lifted label are hung where they belong.
/// `spaces` are the tokens of white space.
void hang_arcs(std::span<const int> heads, std::span<const int> moves, std::span<const Move> all_moves, uint16_t root,
               const std::vector<bool>& spaces, std::span<Token> tokens);

/// Numbers of the dependencies that noun chunks depend on.
struct ChunkRules {
  std::vector<bool> heads;  ///< by dependency: a noun with it heads a chunk
  uint16_t conj = kNoName;
  ChunkRules(const Names& dependencies, const Reader& reader);
};
std::vector<Span> noun_chunks(std::span<const Token> tokens, const ChunkRules& rules);

}  // namespace fsc::detail
