// NegCLIP's swap: two phrases or words of the same kind change places.
#include <algorithm>
#include <array>

#include "fsc/negatives/generator.h"
#include "negatives/detail_edit.h"

namespace fsc {
namespace {

using Spans = std::vector<Span>;

/// The verb phrases VERB? ADV* AUX* VERB+ that begin at `first`, of every length.
void add_verb_phrases(const std::vector<Token>& tokens, int32_t first, Spans& spans) {
  const auto count = static_cast<int32_t>(tokens.size());
  const auto skip = [&](int32_t at, Pos pos) {
    while (at < count && tokens[static_cast<size_t>(at)].pos == pos) ++at;
    return at;
  };
  const bool opens = tokens[static_cast<size_t>(first)].pos == Pos::kVerb;  // as the optional verb or as one of the last
  for (int32_t adverbs = first; adverbs <= first + opens; ++adverbs) {
    const int32_t verbs = skip(skip(adverbs, Pos::kAdv), Pos::kAux);
    for (int32_t end = verbs; end < count && tokens[static_cast<size_t>(end)].pos == Pos::kVerb;) spans.push_back({first, ++end});
  }
}

/// Of spans that overlap, the longest stay, of equally long ones the first (spaCy's filter_spans); in text order.
Spans without_overlaps(Spans spans, size_t tokens) {
  if (spans.size() < 2) return spans;
  std::sort(spans.begin(), spans.end(), [](Span a, Span b) { return a.size() != b.size() ? a.size() > b.size() : a.first < b.first; });
  std::vector<char> taken(tokens, 0);
  Spans kept;
  for (const Span span : spans) {
    // No later span is longer than an earlier one, so a taken token inside would reach one of its ends.
    if (taken[static_cast<size_t>(span.first)] || taken[static_cast<size_t>(span.last) - 1]) continue;
    std::fill(taken.begin() + span.first, taken.begin() + span.last, 1);
    kept.push_back(span);
  }
  std::sort(kept.begin(), kept.end(), [](Span a, Span b) { return a.first < b.first; });
  return kept;
}

class Swap final : public NegativeGenerator {
 public:
  explicit Swap(const TextModel& model) : noun_(model.tag("NN")), nouns_(model.tag("NNS")) {}

  std::optional<std::string> make(const Analysis& caption, Rng& rng) const override {
    std::vector<std::pair<Span, Span>> pairs;
    for (const Spans& spans : lists(caption)) {
      if (spans.size() < 2) continue;
      size_t a = 0, b = 1;
      if (spans.size() > 2) {
        a = rng.below(spans.size());
        b = rng.below(spans.size() - 1);
        b += b >= a;
      }
      if (caption.text_of(spans[a]) != caption.text_of(spans[b])) pairs.emplace_back(spans[a], spans[b]);
    }
    if (pairs.empty()) return std::nullopt;
    const auto [a, b] = rng.pick(pairs);
    std::string text = detail::exchanged(caption, a, b);
    if (text == caption.text) return std::nullopt;  // "go go" and "go go go" change places unnoticed
    return text;
  }

  std::vector<std::string> support(const Analysis& caption) const override {
    std::vector<std::string> texts;
    for (const Spans& spans : lists(caption)) {
      for (size_t a = 0; a < spans.size(); ++a) {
        for (size_t b = a + 1; b < spans.size(); ++b) texts.push_back(detail::exchanged(caption, spans[a], spans[b]));
      }
    }
    return detail::support_of(caption, std::move(texts));
  }

 private:
  /// Noun phrases of three words or more, verb phrases, nouns in singular and in plural, adverbs, adjectives.
  std::array<Spans, 6> lists(const Analysis& caption) const {
    std::array<Spans, 6> lists;
    auto& [noun_phrases, verb_phrases, singular, plural, adverbs, adjectives] = lists;
    for (const Span chunk : caption.noun_chunks) {
      if (chunk.size() > 2) noun_phrases.push_back(chunk);
    }
    for (int32_t i = 0; i < static_cast<int32_t>(caption.tokens.size()); ++i) {
      const Token& token = caption.tokens[static_cast<size_t>(i)];
      const Span word{i, i + 1};
      if (token.tag == noun_) singular.push_back(word);
      if (token.tag == nouns_) plural.push_back(word);
      if (token.pos == Pos::kAdv) adverbs.push_back(word);
      if (token.pos == Pos::kAdj) adjectives.push_back(word);
      add_verb_phrases(caption.tokens, i, verb_phrases);
    }
    verb_phrases = without_overlaps(std::move(verb_phrases), caption.tokens.size());
    return lists;
  }

  uint16_t noun_, nouns_;
};

}  // namespace

std::unique_ptr<NegativeGenerator> make_swap(std::shared_ptr<const TextModel> model) { return std::make_unique<Swap>(*model); }

}  // namespace fsc
