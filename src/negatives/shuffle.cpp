// Bigram shuffle: a caption's tokens in pairs, the pairs in random order.
#include <algorithm>

#include "fsc/negatives/generator.h"
#include "negatives/detail_edit.h"

namespace fsc {
namespace {

using Group = std::vector<int32_t>;  ///< a pair of tokens, perhaps with the mark behind it

class Shuffle final : public NegativeGenerator {
 public:
  std::optional<std::string> make(const Analysis& caption, Rng& rng) const override {
    const auto count = static_cast<int32_t>(caption.tokens.size());
    std::vector<Group> groups;
    for (int32_t i = 0; i + 1 < count; i += 2) groups.push_back({i, i + 1});
    // A single token at the end is the last group; a mark there is held out and put in its place last.
    const bool single = count % 2 == 1, mark = single && is_mark(caption, count - 1);
    if (single && !mark) groups.push_back({count - 1});
    if (groups.size() < 2) return std::nullopt;

    const auto original = core(caption, {all_tokens(count)});
    for (int attempt = 0; attempt < detail::kTries; ++attempt) {
      const auto order = shuffled(groups, mark ? count - 1 : kNoMark, rng);
      if (core(caption, order) == original) continue;
      std::string text = written(caption, order);
      if (text != caption.text) return text;
    }
    return std::nullopt;
  }

  std::vector<std::string> support(const Analysis& caption) const override {
    Rng rng({0});
    const auto text = make(caption, rng);
    return text ? std::vector<std::string>{*text} : std::vector<std::string>{};
  }

 private:
  static constexpr int32_t kNoMark = -1;

  static bool is_mark(const Analysis& caption, int32_t token) {
    return caption.tokens[static_cast<size_t>(token)].pos == Pos::kPunct;
  }

  static Group all_tokens(int32_t count) {
    Group tokens;
    for (int32_t i = 0; i < count; ++i) tokens.push_back(i);
    return tokens;
  }

  /// The groups in random order; the mark stands in front of all (one chance in groups + 1) or at the end of a group.
  static std::vector<Group> shuffled(std::vector<Group> groups, int32_t mark, Rng& rng) {
    rng.shuffle(groups);
    if (mark == kNoMark) return groups;
    if (const auto place = rng.below(groups.size() + 1); place == 0)
      groups.insert(groups.begin(), Group{mark});
    else
      groups[place - 1].push_back(mark);
    return groups;
  }

  /// The words without a mark at either end: captions that agree in these are the same.
  static std::vector<std::string_view> core(const Analysis& caption, const std::vector<Group>& groups) {
    Group tokens;
    for (const Group& group : groups) tokens.insert(tokens.end(), group.begin(), group.end());
    std::vector<std::string_view> words;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if ((i > 0 && i + 1 < tokens.size()) || !is_mark(caption, tokens[i])) words.push_back(caption.word(tokens[i]));
    }
    return words;
  }

  /// A blank between groups, and inside one before every token but a mark.
  static std::string written(const Analysis& caption, const std::vector<Group>& groups) {
    std::string text;
    text.reserve(caption.text.size() + 2 * groups.size());
    for (const Group& group : groups) {
      for (size_t i = 0; i < group.size(); ++i) {
        if (!text.empty() && (i == 0 || !is_mark(caption, group[i]))) text += ' ';
        text += caption.word(group[i]);
      }
    }
    // Of a very long caption only the beginning is analysed; the rest stays where it is.
    const Token& last = caption.tokens.back();
    const size_t rest = last.end + static_cast<size_t>(last.space_after);
    if (rest < caption.text.size()) text.append(" ").append(caption.text, rest);
    return text;
  }
};

}  // namespace

std::unique_ptr<NegativeGenerator> make_shuffle(std::shared_ptr<const TextModel>) { return std::make_unique<Shuffle>(); }

}  // namespace fsc
