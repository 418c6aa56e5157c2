// spaCy's small English pipeline and its lexical resources as one immutable object, made by scripts/export_text_model.py.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fsc/text/analysis.h"
#include "fsc/text/inflections.h"
#include "fsc/text/phrases.h"
#include "fsc/text/wordnet.h"

namespace fsc {

/// Tokenizer, tok2vec, tagger, parser, attribute ruler, noun chunks and lemmas of en_core_web_sm 3.8, giving spaCy's own
/// analysis, with WordNet 3.0, an inflection table and lists of phrases beside it. Immutable: every method may be called from any
/// thread; caches inside are bounded, shared, and change no result.
class TextModel {
 public:
  /// Reads the folder that scripts/export_text_model.py writes, every field checked. Error: missing, of another format version,
  /// cut short, damaged (names the file and the command that makes it again).
  static std::shared_ptr<const TextModel> load(const std::filesystem::path& folder);
  /// assets/text_model, loaded once a process and shared by all who ask.
  static std::shared_ptr<const TextModel> shared();
  ~TextModel();
  TextModel(const TextModel&) = delete;
  TextModel& operator=(const TextModel&) = delete;

  /// Analyses captions together: the network's matrix products run over all their tokens at once. Results do not depend on which
  /// captions share a call. Of a caption longer than kMaxTokens only so many tokens are analysed and kept (its text stays whole).
  std::vector<Analysis> analyse(std::span<const std::string_view> captions) const;
  Analysis analyse(std::string_view caption) const;
  static constexpr size_t kMaxTokens = 512;

  /// Names by number: Token::tag and Token::dependency.
  const std::vector<std::string>& tags() const;
  const std::vector<std::string>& dependencies() const;
  /// Number of a name, or one that no token has when the model does not know the name.
  uint16_t tag(std::string_view name) const;
  uint16_t dependency(std::string_view name) const;

  /// Noun chunks of tokens whose dependencies a caller has changed; analyse() fills in those of the parse.
  std::vector<Span> noun_chunks(const Analysis& analysis) const;
  /// Lower-cased word; for a verb spaCy's rule lemma.
  std::string lemma(const Analysis& analysis, int32_t token) const;

  const WordNet& wordnet() const;
  const Inflections& inflections() const;
  const Phrases& phrases() const;
  /// SHA-256 over the model's files: a run with generated negatives records it.
  const std::string& fingerprint() const;

 private:
  struct Impl;
  explicit TextModel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The token of a span whose head lies outside it and that is nearest to the root of the parse; the first of several (spaCy's
/// Span.root).
int32_t root_of(const Analysis& analysis, Span span);

}  // namespace fsc
