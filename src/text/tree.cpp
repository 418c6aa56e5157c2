// spaCy's set_children_from_heads, nonproj.deprojectivize, English noun_chunks and Span.root.
#include "text/detail_tree.h"

#include <algorithm>

#include "fsc/core/unicode.h"
#include "fsc/text/text_model.h"

namespace fsc {
namespace detail {
namespace {

size_t at(int32_t index) { return static_cast<size_t>(index); }

void widen(std::span<const Token> tokens, size_t child, Edges& edges) {
  const size_t head = at(tokens[child].head);
  edges.left[head] = std::min(edges.left[head], edges.left[child]);
  edges.right[head] = std::max(edges.right[head], edges.right[child]);
}

/// Whether each head lies in its child's sentence; sentences begin at the left edges of the roots.
bool heads_within_sentences(std::span<const Token> tokens, const Edges& edges) {
  const auto count = static_cast<int32_t>(tokens.size());
  std::vector<bool> starts(tokens.size(), false);
  for (int32_t i = 0; i < count; ++i)
    if (tokens[at(i)].head == i) starts[at(edges.left[at(i)])] = true;
  int32_t begin = 0;
  for (int32_t end = 0; end < count; ++end) {
    if (!(end > 0 && starts[at(end)]) && end != count - 1) continue;
    for (int32_t i = begin; i < end; ++i)
      if (tokens[at(i)].head < begin || tokens[at(i)].head > end) return false;  // `end` too passes, as in the reference
    begin = end;
  }
  return true;
}

}  // namespace

Edges subtree_edges(std::span<const Token> tokens) {
  constexpr int kRounds = 12;  // the reference gives up here; a projective tree needs one
  Edges edges;
  for (size_t i = 0; i < tokens.size(); ++i) edges.left.push_back(static_cast<int32_t>(i));
  edges.right = edges.left;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < tokens.size(); ++i) widen(tokens, i, edges);
    for (size_t i = tokens.size(); i-- > 0;) widen(tokens, i, edges);
    if (heads_within_sentences(tokens, edges)) break;
  }
  return edges;
}

namespace {

/// The first token below `token`'s head, breadth first and from left to right, whose dependency is `dependency`; the head itself
/// where there is none. `edges` bound the search as in the reference, where they may be older than the heads.
int32_t find_lifted(std::span<const Token> tokens, int32_t token, uint16_t dependency, const std::vector<bool>& spaces,
                    const Edges& edges) {
  std::vector<int32_t> level{tokens[at(token)].head}, next;
  while (!level.empty()) {
    next.clear();
    for (const int32_t parent : level) {
      for (int32_t child = edges.left[at(parent)]; child <= edges.right[at(parent)]; ++child) {
        if (child == parent || tokens[at(child)].head != parent || child == token || spaces[at(child)]) continue;
        if (tokens[at(child)].dependency == dependency) return child;
        next.push_back(child);
      }
    }
    level.swap(next);
  }
  return tokens[at(token)].head;
}

}  // namespace

void hang_arcs(std::span<const int> heads, std::span<const int> moves, std::span<const Move> all_moves, uint16_t root,
               const std::vector<bool>& spaces, std::span<Token> tokens) {
  std::vector<uint16_t> lifted(tokens.size(), kNoName);
  bool any = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Move* move = moves[i] < 0 ? nullptr : &all_moves[at(moves[i])];
    tokens[i].head = heads[i];
    tokens[i].dependency = move ? move->dependency : root;
    if (move) lifted[i] = move->lifted;
    any = any || lifted[i] != kNoName;
  }
  if (!any) return;
  const Edges edges = subtree_edges(tokens);
  // A token still to be hung has a label of two names in the reference, which no search for one name finds.
  std::vector<Token> searched(tokens.begin(), tokens.end());
  for (size_t i = 0; i < tokens.size(); ++i)
    if (lifted[i] != kNoName) searched[i].dependency = kNoName;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (lifted[i] == kNoName) continue;
    searched[i].head = tokens[i].head = find_lifted(searched, static_cast<int32_t>(i), lifted[i], spaces, edges);
    searched[i].dependency = tokens[i].dependency;
  }
}

ChunkRules::ChunkRules(const Names& dependencies, const Reader& reader)
    : heads(dependencies.size(), false), conj(dependencies.require("conj", reader)) {
  for (const char* name : {"oprd", "nsubj", "dobj", "nsubjpass", "pcomp", "pobj", "dative", "appos", "attr", "ROOT"})
    heads[dependencies.require(name, reader)] = true;
}

std::vector<Span> noun_chunks(std::span<const Token> tokens, const ChunkRules& rules) {
  const auto heads_chunk = [&](const Token& token) {
    return token.dependency < rules.heads.size() && rules.heads[token.dependency];
  };
  const std::vector<int32_t> left = subtree_edges(tokens).left;
  std::vector<Span> chunks;
  int32_t last = -1;
  for (int32_t i = 0; i < static_cast<int32_t>(tokens.size()); ++i) {
    const Token* token = &tokens[at(i)];
    if (token->pos != Pos::kNoun && token->pos != Pos::kPropn && token->pos != Pos::kPron) continue;
    if (left[at(i)] <= last) continue;
    if (!heads_chunk(*token)) {
      if (token->dependency != rules.conj) continue;
      // A conjunct is what the first of its coordination is.
      int32_t head = token->head;
      while (tokens[at(head)].dependency == rules.conj && tokens[at(head)].head < head) head = tokens[at(head)].head;
      if (!heads_chunk(tokens[at(head)])) continue;
    }
    last = i;
    chunks.push_back({left[at(i)], i + 1});
  }
  return chunks;
}

}  // namespace detail

namespace {

/// White space only, or punctuation only.
bool is_space_or_punctuation(std::string_view text) {
  bool space = true, punctuation = true;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    space = space && is_space(c);
    punctuation = punctuation && is_punctuation(c);
  }
  return space || punctuation;
}

/// Distance from the root of the parse. White space and punctuation without children come last, as in the reference.
int32_t depth(const Analysis& analysis, int32_t token) {
  const auto count = static_cast<int32_t>(analysis.tokens.size());
  const auto head = [&](int32_t i) { return analysis.tokens[detail::at(i)].head; };
  if (is_space_or_punctuation(analysis.word(token))) {
    bool has_children = false;
    for (int32_t i = 0; i < count; ++i) has_children = has_children || (i != token && head(i) == token);
    if (!has_children) return count - 1;
  }
  int32_t steps = 0;
  for (int32_t i = token; head(i) != i; i = head(i)) ++steps;
  return steps;
}

}  // namespace

int32_t root_of(const Analysis& analysis, Span span) {
  const auto head = [&](int32_t token) { return analysis.tokens[detail::at(token)].head; };
  for (int32_t i = span.first; i < span.last; ++i)
    if (head(i) == i) return i;
  int32_t root = span.first, least = static_cast<int32_t>(analysis.tokens.size());
  for (int32_t i = span.first; i < span.last; ++i) {
    if (head(i) >= span.first && head(i) < span.last) continue;
    const int32_t steps = depth(analysis, i);
    if (steps < least) least = steps, root = i;
  }
  return root;
}

}  // namespace fsc
