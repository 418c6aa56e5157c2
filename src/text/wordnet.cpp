// WordNet 3.0 in memory: numbered strings, synsets and senses, with morphy and the replacements of a word on top.
#include "fsc/text/wordnet.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "fsc/core/error.h"
#include "fsc/core/unicode.h"
#include "text/detail_replacement_cache.h"
#include "text/detail_tables.h"

namespace fsc {
namespace {

constexpr size_t kClasses = 4;
/// No word of WordNet is nearly as long; an endless one would cost morphy its square.
constexpr size_t kMaxWordBytes = 256;
constexpr size_t kCacheBytes = 16 << 20;

struct Ending {
  std::string_view old, replacement;
};
constexpr Ending kNounEndings[] = {{"s", ""},      {"ses", "s"},   {"ves", "f"},   {"xes", "x"}, {"zes", "z"},
                                   {"ches", "ch"}, {"shes", "sh"}, {"men", "man"}, {"ies", "y"}};
constexpr Ending kVerbEndings[] = {{"s", ""},   {"ies", "y"}, {"es", "e"},  {"es", ""},
                                   {"ed", "e"}, {"ed", ""},   {"ing", "e"}, {"ing", ""}};
constexpr Ending kAdjectiveEndings[] = {{"er", ""}, {"est", ""}, {"er", "e"}, {"est", "e"}};

std::span<const Ending> endings(WordClass word_class) {
  switch (word_class) {
    case WordClass::kNoun:
      return kNounEndings;
    case WordClass::kVerb:
      return kVerbEndings;
    case WordClass::kAdjective:
      return kAdjectiveEndings;
    case WordClass::kAdverb:
      return {};
  }
  return {};
}

std::vector<std::string> without_endings(const std::vector<std::string>& forms, WordClass word_class) {
  std::vector<std::string> bases;
  for (const auto& form : forms) {
    for (const auto& [old, replacement] : endings(word_class)) {
      if (form.ends_with(old)) bases.push_back(form.substr(0, form.size() - old.size()).append(replacement));
    }
  }
  return bases;
}

/// How much a lemma gains.
struct Gain {
  uint32_t lemma;
  uint64_t weight;
};

/// Adds up the gains of each lemma that is not among `own` (sorted).
Replacements sum_up(std::vector<Gain>& gains, const std::vector<uint32_t>& own) {
  std::sort(gains.begin(), gains.end(), [](const Gain& a, const Gain& b) { return a.lemma < b.lemma; });
  Replacements result;
  uint64_t total = 0;
  for (size_t i = 0; i < gains.size();) {
    const uint32_t lemma = gains[i].lemma;
    uint64_t weight = 0;
    for (; i < gains.size() && gains[i].lemma == lemma; ++i) weight += gains[i].weight;
    if (std::binary_search(own.begin(), own.end(), lemma)) continue;
    total += weight;
    if (total > std::numeric_limits<uint32_t>::max())
      throw Error("WordNet's sense counts are far too large; run scripts/setup to make its file again");
    result.lemmas.push_back(lemma);
    result.cumulative.push_back(static_cast<uint32_t>(total));
  }
  result.lemmas.shrink_to_fit();
  result.cumulative.shrink_to_fit();
  return result;
}

}  // namespace

struct WordNet::Impl {
  detail::StringPool strings;
  std::vector<WordClass> classes;                      ///< of each synset
  detail::Lists senses;                                ///< synset -> lemma of each of its senses, which are numbered through
  std::vector<uint32_t> counts;                        ///< of each sense in the tagged texts, at least 1
  std::vector<uint32_t> synsets;                       ///< of each sense
  detail::Lists hypernyms, hyponyms;                   ///< synset -> synsets
  detail::Lists antonyms, derivations;                 ///< sense -> senses
  std::array<detail::WordLists, kClasses> index;       ///< word -> synsets
  std::array<detail::WordLists, kClasses> exceptions;  ///< irregular form -> base forms
  mutable detail::ReplacementCache cache{kCacheBytes};

  void read_synsets(detail::Reader& reader);

  const detail::WordLists& index_of(WordClass word_class) const { return index[static_cast<size_t>(word_class)]; }
  uint32_t lemma(uint32_t sense) const { return senses.values()[sense]; }

  std::optional<std::span<const uint32_t>> synsets_of(std::string_view word, WordClass word_class) const {
    const auto number = strings.find(word);
    return number ? index_of(word_class).find(*number) : std::nullopt;
  }
  std::vector<std::string> known(const std::vector<std::string>& forms, WordClass word_class) const;

  template <class Use>
  void for_each_cousin(uint32_t synset, const Use& use) const;
  void add_antonyms(uint32_t synset, std::vector<Gain>& gains) const;
  void add_cousins(uint32_t synset, std::vector<Gain>& gains) const;
  void add_related_adjectives(uint32_t synset, std::vector<Gain>& gains) const;
  Replacements replacements(const std::vector<uint32_t>& word_synsets) const;
};

WordNet::WordNet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WordNet::~WordNet() = default;

void WordNet::Impl::read_synsets(detail::Reader& reader) {
  const uint32_t count = reader.count(1);
  for (const uint8_t word_class : reader.array<uint8_t>(count)) {
    if (word_class >= kClasses) reader.fail("there is no word class " + std::to_string(word_class));
    classes.push_back(static_cast<WordClass>(word_class));
  }
  senses = detail::Lists::read(reader, count, strings.size(), "lemma");
  const size_t sense_count = senses.values().size();
  counts = reader.array<uint32_t>(sense_count);
  for (uint32_t& sense_uses : counts) sense_uses = std::max(sense_uses, 1u);
  for (uint32_t synset = 0; synset < count; ++synset) synsets.resize(senses.start(synset + 1), synset);
  hypernyms = detail::Lists::read(reader, count, count, "hypernym");
  hyponyms = detail::Lists::read(reader, count, count, "hyponym");
  antonyms = detail::Lists::read(reader, sense_count, sense_count, "antonym");
  derivations = detail::Lists::read(reader, sense_count, sense_count, "derivation");
}

std::unique_ptr<WordNet> WordNet::parse(std::string_view bytes, const std::string& name) {
  detail::Reader reader(bytes, name);
  auto impl = std::make_unique<Impl>();
  impl->strings = detail::StringPool::read(reader);
  impl->read_synsets(reader);
  const size_t words = impl->strings.size();
  for (auto& table : impl->index) table = detail::WordLists::read(reader, words, impl->classes.size(), "synset");
  for (auto& table : impl->exceptions) table = detail::WordLists::read(reader, words, words, "base form");
  reader.expect_end();
  return std::unique_ptr<WordNet>(new WordNet(std::move(impl)));
}

std::string_view WordNet::lemma(uint32_t number) const { return impl_->strings[number]; }

/// The forms that WordNet lists under the class, each once.
std::vector<std::string> WordNet::Impl::known(const std::vector<std::string>& forms, WordClass word_class) const {
  std::vector<std::string> result;
  for (const auto& form : forms) {
    if (synsets_of(form, word_class) && std::find(result.begin(), result.end(), form) == result.end()) result.push_back(form);
  }
  return result;
}

std::vector<std::string> WordNet::morphy(std::string_view word, WordClass word_class) const {
  if (word.size() > kMaxWordBytes) return {};
  std::vector<std::string> forms = {std::string(word)};
  if (const auto number = impl_->strings.find(word)) {
    if (const auto bases = impl_->exceptions[static_cast<size_t>(word_class)].find(*number)) {
      for (const uint32_t base : *bases) forms.emplace_back(lemma(base));
      return impl_->known(forms, word_class);
    }
  }
  auto bases = without_endings(forms, word_class);
  forms.insert(forms.end(), bases.begin(), bases.end());
  // Endings are taken off until a form is known: "dogss" is a "dog" too.
  for (auto found = impl_->known(forms, word_class);; found = impl_->known(bases, word_class)) {
    if (!found.empty() || bases.empty()) return found;
    bases = without_endings(bases, word_class);
  }
}

/// Calls `use(cousin)` for each path hypernym, hypernym, hyponym, hyponym that does not lead back to the synset.
template <class Use>
void WordNet::Impl::for_each_cousin(uint32_t synset, const Use& use) const {
  for (const uint32_t parent : hypernyms[synset]) {
    for (const uint32_t grandparent : hypernyms[parent]) {
      for (const uint32_t uncle : hyponyms[grandparent]) {
        for (const uint32_t cousin : hyponyms[uncle]) {
          if (cousin != synset) use(cousin);
        }
      }
    }
  }
}

void WordNet::Impl::add_antonyms(uint32_t synset, std::vector<Gain>& gains) const {
  for (uint32_t sense = senses.start(synset); sense < senses.start(synset + 1); ++sense) {
    for (const uint32_t antonym : antonyms[sense]) gains.push_back({lemma(antonym), counts[antonym]});
  }
}

void WordNet::Impl::add_cousins(uint32_t synset, std::vector<Gain>& gains) const {
  for_each_cousin(synset, [&](uint32_t cousin) {
    for (uint32_t sense = senses.start(cousin); sense < senses.start(cousin + 1); ++sense)
      gains.push_back({lemma(sense), counts[sense]});
  });
}

/// Adjectives have no hypernyms: through the nouns they derive from, those nouns' cousins, and back.
void WordNet::Impl::add_related_adjectives(uint32_t synset, std::vector<Gain>& gains) const {
  std::vector<uint32_t> nouns;
  for (uint32_t sense = senses.start(synset); sense < senses.start(synset + 1); ++sense) {
    for (const uint32_t derived : derivations[sense]) {
      if (classes[synsets[derived]] == WordClass::kNoun) nouns.push_back(synsets[derived]);
    }
  }
  std::sort(nouns.begin(), nouns.end());
  nouns.erase(std::unique(nouns.begin(), nouns.end()), nouns.end());
  for (const uint32_t noun : nouns) {
    for_each_cousin(noun, [&](uint32_t cousin) {
      for (uint32_t sense = senses.start(cousin); sense < senses.start(cousin + 1); ++sense) {
        for (const uint32_t derived : derivations[sense]) {
          const uint32_t target = synsets[derived];
          if (target != synset && classes[target] == WordClass::kAdjective) gains.push_back({lemma(derived), counts[derived]});
        }
      }
    });
  }
}

Replacements WordNet::Impl::replacements(const std::vector<uint32_t>& word_synsets) const {
  std::vector<uint32_t> own;
  for (const uint32_t synset : word_synsets) own.insert(own.end(), senses[synset].begin(), senses[synset].end());
  std::sort(own.begin(), own.end());
  std::vector<Gain> gains;
  for (const uint32_t synset : word_synsets) {
    add_antonyms(synset, gains);
    if (classes[synset] == WordClass::kAdjective)
      add_related_adjectives(synset, gains);
    else
      add_cousins(synset, gains);
  }
  return sum_up(gains, own);
}

std::shared_ptr<const Replacements> WordNet::replacements(std::string_view word, WordClass word_class) const {
  static const auto kNone = std::make_shared<const Replacements>();
  if (word.size() > kMaxWordBytes) return kNone;
  std::string key = lower(word);
  key += static_cast<char>('0' + static_cast<int>(word_class));
  return impl_->cache.get(key, [&]() -> std::shared_ptr<const Replacements> {
    std::vector<uint32_t> synsets;
    for (const auto& base : morphy(std::string_view(key).substr(0, key.size() - 1), word_class)) {
      const auto found = impl_->synsets_of(base, word_class);
      synsets.insert(synsets.end(), found->begin(), found->end());
    }
    return synsets.empty() ? kNone : std::make_shared<const Replacements>(impl_->replacements(synsets));
  });
}

}  // namespace fsc
