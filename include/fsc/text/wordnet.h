// WordNet 3.0: from a word to the words that could stand in its place.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fsc {

enum class WordClass : uint8_t { kNoun, kVerb, kAdjective, kAdverb };

/// Words that may replace one, each with a weight. Lemma ids, so that thousands of words' lists fit into a cache.
struct Replacements {
  std::vector<uint32_t> lemmas;      ///< WordNet lemma numbers, each once
  std::vector<uint32_t> cumulative;  ///< running sums of the weights, last = their total
  size_t size() const { return lemmas.size(); }
};

/// Immutable and thread-safe.
class WordNet {
 public:
  /// Base forms of a lower-cased word, by exceptions and endings (NLTK's morphy).
  std::vector<std::string> morphy(std::string_view word, WordClass word_class) const;

  /// Antonyms and cousins of all senses of `word` (any case): for nouns, verbs and adverbs the lemmas two hypernyms up and two
  /// hyponyms down, for adjectives the same of the nouns they derive from and back. Lemmas of the word's own senses are left out.
  /// The weight of a lemma grows by max(sense count, 1) for each path that leads to it. Computed once a word; a bounded cache
  /// keeps the lists.
  std::shared_ptr<const Replacements> replacements(std::string_view word, WordClass word_class) const;

  /// The lemma's spelling, "_" between the words of a collocation.
  std::string_view lemma(uint32_t number) const;

  ~WordNet();
  WordNet(const WordNet&) = delete;
  WordNet& operator=(const WordNet&) = delete;
  /// From the compact form in the text model's folder; Error as TextModel::load.
  static std::unique_ptr<WordNet> parse(std::string_view bytes, const std::string& name);

 private:
  struct Impl;
  explicit WordNet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fsc
