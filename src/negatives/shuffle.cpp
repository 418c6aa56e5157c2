// Bigram shuffle of a caption: its words in pairs, the pairs in random order.
#include <algorithm>
#include <string_view>

#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

constexpr int kTries = 10;

using Tokens = std::vector<std::string_view>;

Tokens split(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\n\r\f\v";
  Tokens tokens;
  for (size_t at = text.find_first_not_of(kSpace); at != text.npos; at = text.find_first_not_of(kSpace, at)) {
    const size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    tokens.push_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

/// Only punctuation: ASCII marks that are no symbols of maths or money, and dashes, quotes and dots U+2010..U+2027. A mark
/// that is written together with a word ("dog.") stays a part of that word.
bool is_mark(std::string_view token) {
  for (size_t i = 0; i < token.size();) {
    if (std::string_view("!\"#%&'()*,-./:;?@[\\]_{}").find(token[i]) != std::string_view::npos) {
      i += 1;
    } else if (token.substr(i, 2) == "\xE2\x80" && i + 2 < token.size() && token[i + 2] >= '\x90' && token[i + 2] <= '\xA7') {
      i += 3;
    } else {
      return false;
    }
  }
  return true;
}

/// The tokens without a mark at either end: two captions that agree in these are the same.
Tokens core(Tokens tokens) {
  if (!tokens.empty() && is_mark(tokens.back())) tokens.pop_back();
  if (!tokens.empty() && is_mark(tokens.front())) tokens.erase(tokens.begin());
  return tokens;
}

/// Pairs (a last one may be single) in random order; `mark`, if any, goes in front of all or to the end of a pair.
std::vector<Tokens> shuffled(std::vector<Tokens> pairs, const std::optional<std::string_view>& mark, Rng& rng) {
  rng.shuffle(pairs);
  if (!mark) return pairs;
  const auto place = rng.below(pairs.size() + 1);
  if (place == 0)
    pairs.insert(pairs.begin(), {*mark});
  else
    pairs[place - 1].push_back(*mark);
  return pairs;
}

/// A blank between pairs, and inside a pair before every token but a mark.
std::string join(const std::vector<Tokens>& pairs) {
  std::string text;
  for (const auto& pair : pairs) {
    for (size_t i = 0; i < pair.size(); ++i) {
      if (!text.empty() && (i == 0 || !is_mark(pair[i]))) text += ' ';
      text += pair[i];
    }
  }
  return text;
}

Tokens flatten(const std::vector<Tokens>& pairs) {
  Tokens tokens;
  for (const auto& pair : pairs) tokens.insert(tokens.end(), pair.begin(), pair.end());
  return tokens;
}

}  // namespace

std::optional<std::string> shuffle_caption(const std::string& caption, Rng& rng) {
  const Tokens tokens = split(caption);
  std::vector<Tokens> pairs;
  for (size_t i = 0; i < tokens.size(); i += 2) {
    pairs.emplace_back(tokens.begin() + static_cast<std::ptrdiff_t>(i),
                       tokens.begin() + static_cast<std::ptrdiff_t>(std::min(i + 2, tokens.size())));
  }
  std::optional<std::string_view> mark;
  if (!pairs.empty() && pairs.back().size() == 1 && is_mark(pairs.back()[0])) {
    mark = pairs.back()[0];
    pairs.pop_back();
  }
  if (pairs.size() < 2) return std::nullopt;

  const Tokens original = core(tokens);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto order = shuffled(pairs, mark, rng);
    if (core(flatten(order)) != original) return join(order);
  }
  return std::nullopt;
}

}  // namespace fsc
