// Word-level comparison by dynamic programming.
#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "negatives/detail_words.h"

namespace fsc::detail {
namespace {

using Words = std::vector<std::string_view>;

/// Captions have some dozen words; the tables below grow with the square, so of an endless one only the beginning is compared.
constexpr size_t kMaxWords = 1024;

size_t compared(const Words& words) { return std::min(words.size(), kMaxWords); }

std::string joined(Words::const_iterator first, Words::const_iterator last) {
  std::string text;
  for (; first != last; ++first) text.append(text.empty() ? "" : " ").append(*first);
  return text;
}

}  // namespace

Words words_of(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\n\r\f\v";
  Words words;
  for (size_t at = text.find_first_not_of(kSpace); at != text.npos; at = text.find_first_not_of(kSpace, at)) {
    const size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

uint64_t edit_distance(const Words& a, const Words& b) {
  const size_t rows = compared(a), columns = compared(b);
  std::vector<uint64_t> costs(columns + 1);  // of turning the first i words of a into the first j of b
  std::iota(costs.begin(), costs.end(), 0);
  for (size_t i = 1; i <= rows; ++i) {
    uint64_t diagonal = std::exchange(costs[0], i);
    for (size_t j = 1; j <= columns; ++j) {
      const uint64_t overwritten = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = costs[j];
      costs[j] = std::min({overwritten, costs[j] + 1, costs[j - 1] + 1});
    }
  }
  return costs[columns];
}

std::vector<bool> common_words(const Words& a, const Words& b) {
  const size_t rows = compared(a), columns = compared(b);
  std::vector<uint16_t> lengths((rows + 1) * (columns + 1), 0);  // of what the rests from (i, j) on have in common
  const auto length = [&](size_t i, size_t j) -> uint16_t& { return lengths[i * (columns + 1) + j]; };
  for (size_t i = rows; i-- > 0;) {
    for (size_t j = columns; j-- > 0;) {
      length(i, j) =
          a[i] == b[j] ? static_cast<uint16_t>(length(i + 1, j + 1) + 1) : std::max(length(i + 1, j), length(i, j + 1));
    }
  }
  std::vector<bool> common(b.size(), false);
  for (size_t i = 0, j = 0; i < rows && j < columns;) {
    if (a[i] == b[j]) {
      common[j] = true;
      ++i, ++j;
    } else if (length(i + 1, j) >= length(i, j + 1)) {
      ++i;
    } else {
      ++j;
    }
  }
  return common;
}

std::string replaced_piece(const Words& before, const Words& after, size_t most) {
  const auto [old_first, new_first] = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  const auto [old_end, new_end] = std::mismatch(before.rbegin(), std::make_reverse_iterator(old_first), after.rbegin(),
                                                std::make_reverse_iterator(new_first));
  const auto old_last = old_end.base(), new_last = new_end.base();
  if (old_first == old_last || new_first == new_last) return "";
  if (static_cast<size_t>(old_last - old_first) > most || static_cast<size_t>(new_last - new_first) > most) return "";
  if (std::is_permutation(old_first, old_last, new_first, new_last)) return "";
  return joined(old_first, old_last) + " -> " + joined(new_first, new_last);
}

}  // namespace fsc::detail
