// NegCLIP's swap: two phrases or words of the same kind change places.
#include <algorithm>
#include <array>
#include <queue>

#include "fsc/negatives/generator.h"
#include "negatives/detail_edit.h"

namespace fsc {
namespace {

using Spans = std::vector<Span>;

/// Tokens [first, last) that match VERB? ADV* AUX* VERB+, the last verbs from `verbs` on; without some of these it matches too.
struct Phrase {
  int32_t first, verbs, last;
  int32_t size() const { return last - first; }
  /// std::priority_queue gives the longest first, of equally long ones the leftmost.
  bool operator<(const Phrase& other) const { return size() != other.size() ? size() < other.size() : first > other.first; }
};

/// The longest matches that begin at `first`, whose verb may be the optional one or already one of the last.
template <class Use>
void for_each_match(const std::vector<Token>& tokens, int32_t first, const Use& use) {
  const auto skip = [&](int32_t at, Pos pos) {
    while (at < static_cast<int32_t>(tokens.size()) && tokens[static_cast<size_t>(at)].pos == pos) ++at;
    return at;
  };
  const bool opens = tokens[static_cast<size_t>(first)].pos == Pos::kVerb;
  for (int32_t adverbs = first; adverbs <= first + opens; ++adverbs) {
    const int32_t verbs = skip(skip(adverbs, Pos::kAdv), Pos::kAux), last = skip(verbs, Pos::kVerb);
    if (last > verbs) use(Phrase{first, verbs, last});
  }
}

/// Of all matches, the longest that overlaps with none taken before, as long as there is one (spaCy's filter_spans); in text
/// order.
Spans verb_phrases(const std::vector<Token>& tokens) {
  std::priority_queue<Phrase> queue;
  for (int32_t i = 0; i < static_cast<int32_t>(tokens.size()); ++i) {
    for_each_match(tokens, i, [&](const Phrase& phrase) { queue.push(phrase); });
  }
  Spans kept;
  std::vector<char> taken(queue.size() > 1 ? tokens.size() : 0, 0);
  while (!queue.empty()) {
    Phrase phrase = queue.top();
    queue.pop();
    if (!taken.empty()) {
      const auto begin = taken.begin() + phrase.first, end = taken.begin() + phrase.last;
      if (const auto clash = std::find(begin, end, 1); clash != end) {
        phrase.last = static_cast<int32_t>(clash - taken.begin());
        if (phrase.last > phrase.verbs) queue.push(phrase);  // what is left of it has its turn later
        continue;
      }
      std::fill(begin, end, 1);
    }
    kept.push_back({phrase.first, phrase.last});
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
    auto& [noun_phrases, verbs, singular, plural, adverbs, adjectives] = lists;
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
    }
    verbs = verb_phrases(caption.tokens);
    return lists;
  }

  uint16_t noun_, nouns_;
};

}  // namespace

std::unique_ptr<NegativeGenerator> make_swap(std::shared_ptr<const TextModel> model) { return std::make_unique<Swap>(*model); }

}  // namespace fsc
