// TSVLC's rules: a word of a list (colour, size, material, ...) gives way to another of the same list, wherever it stands.
#include <algorithm>
#include <unordered_map>

#include "fsc/negatives/generator.h"
#include "negatives/detail_edit.h"
#include "negatives/detail_svlc_words.h"

namespace fsc {
namespace {

using Words = std::vector<std::string_view>;

/// What a caption has of one list.
struct Choice {
  Words present;  ///< as often as they stand there
  Words absent;
};

std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\n\r\f\v";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// The caption with `word` for each token that reads `old`.
std::string with_word(const Analysis& caption, std::string_view old, std::string_view word) {
  std::string text;
  size_t at = 0;
  for (int32_t i = 0; i < static_cast<int32_t>(caption.tokens.size()); ++i) {
    if (caption.word(i) != old) continue;
    const Token& token = caption.tokens[static_cast<size_t>(i)];
    text.append(caption.text, at, token.begin - at).append(word);
    at = token.end;
  }
  return std::string(trimmed(text.append(caption.text, at)));
}

class Svlc final : public NegativeGenerator {
 public:
  Svlc() {
    const auto& lists = detail::svlc_words();
    for (size_t list = 0; list < lists.size(); ++list) {
      for (const auto word : lists[list]) lists_of_[word].push_back(list);
    }
  }

  std::optional<std::string> make(const Analysis& caption, Rng& rng) const override {
    const auto found = choices(caption);
    if (found.empty()) return std::nullopt;
    const Choice& choice = rng.pick(found);
    const std::string_view word = rng.pick(choice.absent), old = rng.pick(choice.present);
    return with_word(caption, old, word);
  }

  std::vector<std::string> support(const Analysis& caption) const override {
    std::vector<std::string> texts;
    for (const Choice& choice : choices(caption)) {
      for (const auto old : choice.present) {
        for (const auto word : choice.absent) texts.push_back(with_word(caption, old, word));
      }
    }
    return detail::support_of(caption, std::move(texts));
  }

 private:
  /// The lists of which the caption has some word but not all.
  std::vector<Choice> choices(const Analysis& caption) const {
    const auto& lists = detail::svlc_words();
    std::vector<Words> present(lists.size());
    for (int32_t i = 0; i < static_cast<int32_t>(caption.tokens.size()); ++i) {
      const auto found = lists_of_.find(caption.word(i));
      if (found == lists_of_.end()) continue;
      for (const size_t list : found->second) present[list].push_back(found->first);
    }
    std::vector<Choice> choices;
    for (size_t list = 0; list < lists.size(); ++list) {
      if (present[list].empty()) continue;
      Words distinct = present[list], absent;
      std::sort(distinct.begin(), distinct.end());
      std::set_difference(lists[list].begin(), lists[list].end(), distinct.begin(), distinct.end(), std::back_inserter(absent));
      if (!absent.empty()) choices.push_back({std::move(present[list]), std::move(absent)});
    }
    return choices;
  }

  std::unordered_map<std::string_view, std::vector<size_t>> lists_of_;
};

}  // namespace

std::unique_ptr<NegativeGenerator> make_svlc(std::shared_ptr<const TextModel>) { return std::make_unique<Svlc>(); }

}  // namespace fsc
