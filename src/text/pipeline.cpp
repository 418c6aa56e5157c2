// Runs the stages over a batch of texts: the encoder and the tagger over all words at once, the rest text by text.
#include "text/detail_pipeline.h"

#include "fsc/core/unicode.h"

namespace fsc::detail {
namespace {

std::vector<bool> read_base_forms(Reader& reader, const Names& tags) {
  std::vector<bool> base_form(tags.size(), false);
  for (uint32_t left = reader.count(2); left > 0; --left) base_form[tags.read(reader, false)] = true;
  return base_form;
}

}  // namespace

Pipeline::Grammar::Grammar(Reader reader)
    : tags(reader),
      dependencies(reader),
      moves(read_moves(reader, dependencies)),
      ruler(reader, tags, dependencies),
      base_form(read_base_forms(reader, tags)),
      verbs(reader),
      chunks(dependencies, reader),
      root(dependencies.require("ROOT", reader)) {
  reader.expect_end();
}

Pipeline::Network::Network(Reader reader, size_t tags, const std::vector<Move>& moves)
    : encoder(reader), tagger(reader, kWidth, tags), parser(reader, moves) {
  reader.expect_end();
}

Pipeline::Pipeline(Reader network, Reader tokenizer, Reader grammar)
    : grammar_(std::move(grammar)), network_(std::move(network), grammar_.tags.size(), grammar_.moves), tokenizer_(tokenizer) {
  tokenizer.expect_end();
}

void Pipeline::analyse(std::span<Analysis> texts, size_t max_words) const {
  std::deque<Chunk> spill;
  const auto make = [this](std::string_view chunk) {
    Chunk made{tokenizer_.split(chunk), {}};
    made.embedded = network_.encoder.embed(made.pieces);
    return made;
  };
  const auto chunks = [&](std::string_view chunk) -> const Chunk& { return cache_.get(chunk, make, spill); };

  std::vector<Word> words;
  std::vector<size_t> lengths;
  for (const Analysis& text : texts) {
    const std::vector<Word> cut = tokenizer_.tokenize(text.text, max_words, chunks);
    words.insert(words.end(), cut.begin(), cut.end());
    lengths.push_back(cut.size());
  }
  std::vector<const float*> embedded;
  for (const Word& word : words) embedded.push_back(word.embedded + (word.space_after ? kWidth : 0));
  const std::vector<float> vectors = network_.encoder.encode(embedded, lengths);
  const std::vector<uint16_t> tags = best_tags(vectors, words.size());

  size_t first = 0;
  for (size_t i = 0; i < texts.size(); first += lengths[i++])
    finish(std::span(words).subspan(first, lengths[i]), std::span(tags).subspan(first, lengths[i]),
           vectors.data() + first * kWidth, texts[i]);
}

std::vector<uint16_t> Pipeline::best_tags(const std::vector<float>& vectors, size_t words) const {
  std::vector<const float*> rows;
  for (size_t i = 0; i < words; ++i) rows.push_back(vectors.data() + i * kWidth);
  std::vector<float> scores(words * network_.tagger.columns);
  multiply(network_.tagger, rows, scores.data());
  std::vector<uint16_t> tags(words, 0);
  for (size_t i = 0; i < words; ++i) {
    const float* row = scores.data() + i * network_.tagger.columns;
    for (uint16_t tag = 1; tag < grammar_.tags.size(); ++tag)
      if (row[tag] > row[tags[i]]) tags[i] = tag;
  }
  return tags;
}

void Pipeline::finish(std::span<const Word> words, std::span<const uint16_t> tags, const float* vectors, Analysis& text) const {
  text.tokens.assign(words.size(), {});
  std::vector<RuleWord> rule_words;
  std::vector<bool> spaces;
  for (size_t i = 0; i < words.size(); ++i) {
    Token& token = text.tokens[i];
    token.begin = words[i].begin;
    token.end = words[i].end();
    token.space_after = words[i].space_after;
    token.tag = tags[i];
    rule_words.push_back({words[i].piece->lower, words[i].piece->features.is_space});
    spaces.push_back(words[i].piece->features.is_space);
  }
  const Parse parse = network_.parser.parse(vectors, words.size());
  hang_arcs(parse.heads, parse.moves, grammar_.moves, grammar_.root, spaces, text.tokens);
  grammar_.ruler.apply(rule_words, text.tokens);
  text.noun_chunks = noun_chunks(text);
}

std::string Pipeline::lemma(const Analysis& analysis, size_t token) const {
  const std::string_view word = analysis.word(static_cast<int32_t>(token));
  const Token& found = analysis.tokens[token];
  if (found.pos != Pos::kVerb) return lower(word);
  std::vector<std::string> lowered;
  std::vector<RuleWord> words;
  for (size_t i = 0; i < analysis.tokens.size(); ++i) lowered.push_back(lower(analysis.word(static_cast<int32_t>(i))));
  for (size_t i = 0; i < analysis.tokens.size(); ++i) words.push_back({lowered[i], analysis.tokens[i].pos == Pos::kSpace});
  if (const auto lemma = grammar_.ruler.lemma(words, analysis.tokens, token)) return std::string(*lemma);
  return found.tag < grammar_.base_form.size() && grammar_.base_form[found.tag] ? lowered[token] : grammar_.verbs.lemma(word);
}

}  // namespace fsc::detail
