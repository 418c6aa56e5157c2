// Writing a changed caption: spans exchanged, overwritten, and the check that something did change.
#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fsc/text/analysis.h"

namespace fsc::detail {

/// Attempts at a draw that must differ from something before a generator gives up.
constexpr int kTries = 10;

inline size_t begin_of(const Analysis& caption, Span span) { return caption.tokens[static_cast<size_t>(span.first)].begin; }
inline size_t end_of(const Analysis& caption, Span span) { return caption.tokens[static_cast<size_t>(span.last) - 1].end; }

/// The caption with other text in place of a span.
inline std::string replaced(const Analysis& caption, Span span, std::string_view text) {
  std::string result = caption.text;
  return result.replace(begin_of(caption, span), end_of(caption, span) - begin_of(caption, span), text);
}

/// The caption with two spans, which do not overlap, in each other's place.
inline std::string exchanged(const Analysis& caption, Span a, Span b) {
  if (b.first < a.first) std::swap(a, b);
  const std::string_view text = caption.text;
  const size_t end = end_of(caption, a), begin = begin_of(caption, b);
  std::string result(text.substr(0, begin_of(caption, a)));
  result.append(caption.text_of(b)).append(text.substr(end, begin - end)).append(caption.text_of(a));
  return result.append(text.substr(end_of(caption, b)));
}

/// `texts` sorted, each once, without the caption itself.
inline std::vector<std::string> support_of(const Analysis& caption, std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::erase(texts, caption.text);
  return texts;
}

}  // namespace fsc::detail
