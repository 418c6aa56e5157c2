// Tables of the lexical files: sorted pools of strings, and lists of numbers in one array.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/detail_reader.h"

namespace fsc::detail {

/// Where `count` rows begin in an array, and the last one's end: from 0, never backwards.
inline std::vector<uint32_t> read_starts(Reader& reader, size_t count) {
  auto starts = reader.array<uint32_t>(count + 1);
  if (starts.front() != 0 || !std::is_sorted(starts.begin(), starts.end())) reader.fail("the rows of a table are out of order");
  return starts;
}

/// `count` numbers below `limit`; `what` names them in the message.
inline std::vector<uint32_t> read_numbers(Reader& reader, size_t count, size_t limit, const char* what) {
  auto numbers = reader.array<uint32_t>(count);
  for (const uint32_t number : numbers) {
    if (number >= limit) reader.fail(std::string(what) + " " + std::to_string(number) + " is not below " + std::to_string(limit));
  }
  return numbers;
}

/// Strings in the order of their bytes, each once.
class StringPool {
 public:
  static StringPool read(Reader& reader) {
    StringPool pool;
    const uint32_t count = reader.count(sizeof(uint32_t));
    pool.starts_ = read_starts(reader, count);
    pool.bytes_ = reader.bytes(pool.starts_.back());
    for (uint32_t i = 1; i < count; ++i) {
      if (pool[i - 1] >= pool[i]) reader.fail("string " + std::to_string(i) + " of a table is out of order");
    }
    return pool;
  }

  uint32_t size() const { return static_cast<uint32_t>(starts_.size() - 1); }
  std::string_view operator[](uint32_t number) const {
    return std::string_view(bytes_).substr(starts_[number], starts_[number + 1] - starts_[number]);
  }
  std::optional<uint32_t> find(std::string_view text) const {
    uint32_t low = 0, high = size();
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if ((*this)[middle] < text)
        low = middle + 1;
      else
        high = middle;
    }
    if (low == size() || (*this)[low] != text) return std::nullopt;
    return low;
  }

 private:
  std::vector<uint32_t> starts_ = {0};
  std::string bytes_;
};

/// A list of numbers for each row.
class Lists {
 public:
  static Lists read(Reader& reader, size_t rows, size_t limit, const char* what) {
    Lists lists;
    lists.starts_ = read_starts(reader, rows);
    lists.values_ = read_numbers(reader, lists.starts_.back(), limit, what);
    return lists;
  }

  std::span<const uint32_t> operator[](size_t row) const {
    return std::span(values_).subspan(starts_[row], starts_[row + 1] - starts_[row]);
  }
  uint32_t start(size_t row) const { return starts_[row]; }
  const std::vector<uint32_t>& values() const { return values_; }

 private:
  std::vector<uint32_t> starts_ = {0};
  std::vector<uint32_t> values_;
};

/// A list for each of some words of a pool.
class WordLists {
 public:
  /// `word_limit`: size of the pool; `limit`: of what the lists number.
  static WordLists read(Reader& reader, size_t word_limit, size_t limit, const char* what) {
    WordLists table;
    table.words_ = read_numbers(reader, reader.count(sizeof(uint32_t)), word_limit, "word");
    for (size_t i = 1; i < table.words_.size(); ++i) {
      if (table.words_[i - 1] >= table.words_[i]) reader.fail("word " + std::to_string(i) + " of a table is out of order");
    }
    table.lists_ = Lists::read(reader, table.words_.size(), limit, what);
    return table;
  }

  /// nullopt: the word has no list here.
  std::optional<std::span<const uint32_t>> find(uint32_t word) const {
    const auto found = std::lower_bound(words_.begin(), words_.end(), word);
    if (found == words_.end() || *found != word) return std::nullopt;
    return lists_[static_cast<size_t>(found - words_.begin())];
  }

 private:
  std::vector<uint32_t> words_;
  Lists lists_;
};

}  // namespace fsc::detail
