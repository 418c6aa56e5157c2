// spaCy's pipeline put together: tokenizer, encoder, tagger, parser, ruler, noun chunks, and lemmas of verbs.
#pragma once
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/text/analysis.h"
#include "text/detail_chunk_cache.h"
#include "text/detail_encoder.h"
#include "text/detail_grammar.h"
#include "text/detail_parser.h"
#include "text/detail_ruler.h"
#include "text/detail_tokenizer.h"
#include "text/detail_tree.h"
#include "text/detail_verbs.h"

namespace fsc::detail {

class Pipeline {
 public:
  /// Each reader at the start of its file; each file must be used up.
  Pipeline(Reader network, Reader tokenizer, Reader grammar);

  const Names& tags() const { return grammar_.tags; }
  const Names& dependencies() const { return grammar_.dependencies; }
  /// Analyses texts (valid UTF-8) in one pass of the network; of each no more than `max_words` words.
  void analyse(std::span<Analysis> texts, size_t max_words) const;
  std::vector<Span> noun_chunks(const Analysis& analysis) const { return detail::noun_chunks(analysis.tokens, grammar_.chunks); }
  std::string lemma(const Analysis& analysis, size_t token) const;
  const ChunkCache& cache() const { return cache_; }

 private:
  struct Grammar {
    Names tags, dependencies;
    std::vector<Move> moves;
    Ruler ruler;
    std::vector<bool> base_form;  ///< by tag: a verb with it is its own lemma
    Verbs verbs;
    ChunkRules chunks;
    uint16_t root;
    explicit Grammar(Reader reader);
  };
  struct Network {
    Encoder encoder;
    Affine tagger;
    Parser parser;
    Network(Reader reader, size_t tags, const std::vector<Move>& moves);
  };

  std::vector<uint16_t> best_tags(const std::vector<float>& vectors, size_t words) const;
  void finish(std::span<const Word> words, std::span<const uint16_t> tags, const float* vectors, Analysis& text) const;

  Grammar grammar_;
  Network network_;
  Tokenizer tokenizer_;
  mutable ChunkCache cache_;
};

}  // namespace fsc::detail
