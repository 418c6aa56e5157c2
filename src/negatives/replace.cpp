// CLoVe's replace: one word of the scene graph gives way to an antonym or a distant cousin in WordNet, one preposition to
// another.
#include <algorithm>

#include "fsc/core/unicode.h"
#include "fsc/negatives/generator.h"
#include "negatives/detail_edit.h"
#include "negatives/detail_scene_graph.h"

namespace fsc {
namespace {

using detail::Element;

std::optional<WordClass> word_class(Pos pos) {
  switch (pos) {
    case Pos::kNoun:
    case Pos::kPron:
    case Pos::kPropn:
      return WordClass::kNoun;
    case Pos::kVerb:
      return WordClass::kVerb;
    case Pos::kAdj:
      return WordClass::kAdjective;
    case Pos::kAdv:
      return WordClass::kAdverb;
    default:
      return std::nullopt;
  }
}

/// A weighted list of which some entries are out of the question.
class Draw {
 public:
  explicit Draw(const std::vector<uint32_t>& cumulative) : cumulative_(cumulative) {}

  void leave_out(size_t index) { out_.insert(std::upper_bound(out_.begin(), out_.end(), index), index); }

  size_t draw(Rng& rng) const {
    uint64_t total = cumulative_.back();
    for (const size_t index : out_) total -= weight(index);
    uint64_t point = rng.below(total);
    for (const size_t index : out_) {  // ascending: jumps over each share that lies before the point
      if (point >= cumulative_[index] - weight(index)) point += weight(index);
    }
    return static_cast<size_t>(std::upper_bound(cumulative_.begin(), cumulative_.end(), point) - cumulative_.begin());
  }

 private:
  uint32_t weight(size_t index) const { return cumulative_[index] - (index ? cumulative_[index - 1] : 0); }

  const std::vector<uint32_t>& cumulative_;
  std::vector<size_t> out_;
};

/// What may stand in an element's place.
struct Candidates {
  Span span;                                  ///< what is overwritten: a preposition's whole phrase, of all else the root only
  std::shared_ptr<const Replacements> words;  ///< null: a preposition
  std::optional<size_t> own;                  ///< the preposition that stands there now
};

class Replace final : public NegativeGenerator {
 public:
  explicit Replace(std::shared_ptr<const TextModel> model) : model_(std::move(model)), dependencies_(*model_) {
    uint32_t total = 0;
    for (const auto& [word, weight] : model_->phrases().prepositions) preposition_weights_.push_back(total += weight);
  }

  std::optional<std::string> make(const Analysis& caption, Rng& rng) const override {
    std::vector<Candidates> candidates;
    std::vector<uint64_t> shares;  // running sums
    for (const Element& element : detail::scene_graph(*model_, dependencies_, caption)) {
      candidates.push_back(candidates_of(caption, element));
      shares.push_back((shares.empty() ? 0 : shares.back()) + element.times * std::min<size_t>(2, count(candidates.back())));
    }
    if (shares.empty() || shares.back() == 0) return std::nullopt;
    for (int attempt = 0; attempt < detail::kTries; ++attempt) {
      const uint64_t point = rng.below(shares.back());
      const auto chosen = static_cast<size_t>(std::upper_bound(shares.begin(), shares.end(), point) - shares.begin());
      std::string text = written(caption, candidates[chosen], draw(candidates[chosen], rng));
      if (text != caption.text) return text;
    }
    return std::nullopt;
  }

  std::vector<std::string> support(const Analysis& caption) const override {
    std::vector<std::string> texts;
    for (const Element& element : detail::scene_graph(*model_, dependencies_, caption)) {
      const Candidates candidates = candidates_of(caption, element);
      for (size_t i = 0; i < weights(candidates).size(); ++i) {
        if (i != candidates.own) texts.push_back(written(caption, candidates, i));
      }
    }
    return detail::support_of(caption, std::move(texts));
  }

 private:
  Candidates candidates_of(const Analysis& caption, const Element& element) const {
    const Pos pos = caption.tokens[static_cast<size_t>(element.root)].pos;
    if (pos == Pos::kAdp) return {element.span, nullptr, preposition(lower(caption.text_of(element.span)))};
    static const auto kNone = std::make_shared<const Replacements>();
    const auto known = word_class(pos);
    return {
        {element.root, element.root + 1}, known ? model_->wordnet().replacements(caption.word(element.root), *known) : kNone, {}};
  }

  std::optional<size_t> preposition(const std::string& text) const {
    const auto& all = model_->phrases().prepositions;
    const auto found = std::lower_bound(all.begin(), all.end(), text,
                                        [](const auto& entry, const std::string& key) { return entry.first < key; });
    if (found == all.end() || found->first != text) return std::nullopt;
    return static_cast<size_t>(found - all.begin());
  }

  const std::vector<uint32_t>& weights(const Candidates& candidates) const {
    return candidates.words ? candidates.words->cumulative : preposition_weights_;
  }

  size_t count(const Candidates& candidates) const { return weights(candidates).size() - candidates.own.has_value(); }

  /// The reference draws up to two of an element's candidates, without replacement, and later one of all drawn: so the first or
  /// the second with equal chance.
  size_t draw(const Candidates& candidates, Rng& rng) const {
    Draw words(weights(candidates));
    if (candidates.own) words.leave_out(*candidates.own);
    const bool second = count(candidates) > 1 && rng.below(2) == 1;
    const size_t first = words.draw(rng);
    if (!second) return first;
    words.leave_out(first);
    return words.draw(rng);
  }

  /// The caption with candidate `index` in the form and the case of what stood there.
  std::string written(const Analysis& caption, const Candidates& candidates, size_t index) const {
    const std::string_view word = candidates.words ? model_->wordnet().lemma(candidates.words->lemmas[index])
                                                   : std::string_view(model_->phrases().prepositions[index].first);
    const int32_t root = root_of(caption, candidates.span);
    std::string text = model_->inflections().inflect(word, model_->tags()[caption.tokens[static_cast<size_t>(root)].tag]);
    std::replace(text.begin(), text.end(), '_', ' ');
    const std::string_view old = caption.text_of(candidates.span);
    if (is_upper_case(old))
      text = upper_case(std::move(text));
    else if (is_title_case(old))
      text = title_case(std::move(text));
    return detail::replaced(caption, candidates.span, text);
  }

  std::shared_ptr<const TextModel> model_;
  detail::Dependencies dependencies_;
  std::vector<uint32_t> preposition_weights_;  ///< running sums
};

}  // namespace

std::unique_ptr<NegativeGenerator> make_replace(std::shared_ptr<const TextModel> model) {
  return std::make_unique<Replace>(std::move(model));
}

}  // namespace fsc
