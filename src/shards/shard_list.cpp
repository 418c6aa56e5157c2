// Brace lists and ranges as shells write them, then globs.
#include "fsc/shards/shard_list.h"

#include <glob.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <string_view>

#include "fsc/core/error.h"
#include "fsc/shards/byte_stream.h"
#include "shards/detail_streams.h"

namespace fsc {
namespace {

constexpr size_t kMostShards = 1'000'000;
constexpr size_t kMostCharacters = 256 << 20;  // of one pattern's names together
constexpr int kMostNesting = 50;

using Words = std::vector<std::string>;

/// Expands the braces of one pattern. A brace without comma or range, and one after '$' or a backslash, stands for itself, as in
/// a shell.
class BraceExpander {
 public:
  explicit BraceExpander(const std::string& pattern) : pattern_(pattern) {}
  Words expand() { return sequence(pattern_, 0); }

 private:
  [[noreturn]] void fail(const std::string& problem) const { throw Error("in the shards '" + pattern_ + "' " + problem); }

  /// The position of the '}' that closes the '{' at `open`; the commas on its level are appended to `commas`.
  size_t closing(std::string_view text, size_t open, std::vector<size_t>& commas) const {
    int depth = 0;
    for (size_t i = open; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '{') {
        ++depth;
      } else if (text[i] == '}') {
        if (--depth == 0) return i;
      } else if (text[i] == ',' && depth == 1) {
        commas.push_back(i);
      }
    }
    fail("the brace at '" + std::string(text.substr(open, 20)) + "' is never closed");
  }

  Words sequence(std::string_view text, int depth) const {
    if (depth > kMostNesting) fail("braces lie more than " + std::to_string(kMostNesting) + " deep");
    Words words = {""};
    for (size_t i = 0; i < text.size();) {
      if (text[i] == '{' && (i == 0 || text[i - 1] != '$')) {
        std::vector<size_t> commas;
        const size_t close = closing(text, i, commas);
        const std::string_view inside = text.substr(i + 1, close - i - 1);
        if (!commas.empty()) {
          multiply(words, alternatives(text, i, close, commas, depth));
        } else if (inside.find("..") != std::string_view::npos && inside.find('{') == std::string_view::npos) {
          multiply(words, range(inside));
        } else {
          Words literal = sequence(inside, depth + 1);
          for (auto& word : literal) word = "{" + word + "}";
          multiply(words, literal);
        }
        i = close + 1;
      } else {
        const size_t begin = i;
        do {
          i += text[i] == '\\' ? 2 : 1;
        } while (i < text.size() && (text[i] != '{' || text[i - 1] == '$'));
        i = std::min(i, text.size());
        multiply(words, {std::string(text.substr(begin, i - begin))});
      }
    }
    return words;
  }

  Words alternatives(std::string_view text, size_t open, size_t close, std::vector<size_t> ends, int depth) const {
    ends.push_back(close);
    Words all;
    for (size_t begin = open + 1; const size_t end : ends) {
      for (auto& word : sequence(text.substr(begin, end - begin), depth + 1)) all.push_back(std::move(word));
      check_count(all.size());
      begin = end + 1;
    }
    return all;
  }

  /// "0000..0127", "5..1", "0..100..5": leading zeros keep the width.
  Words range(std::string_view text) const {
    std::vector<std::string_view> parts;
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find("..", begin), text.size());
      parts.push_back(text.substr(begin, end - begin));
      begin = end + 2;
    }
    if (parts.size() < 2 || parts.size() > 3) no_range(text);
    const int64_t first = number(parts[0], text), last = number(parts[1], text),
                  step = parts.size() == 3 ? number(parts[2], text) : 1;
    if (step <= 0) fail("the range {" + std::string(text) + "} needs a step above 0");
    const auto padded = [](std::string_view part) { return part.size() > 1 && part[0] == '0'; };
    const size_t width = padded(parts[0]) || padded(parts[1]) ? std::max(parts[0].size(), parts[1].size()) : 0;
    const int64_t count = std::abs(last - first) / step + 1;
    check_count(static_cast<size_t>(count));
    Words words;
    for (int64_t i = 0; i < count; ++i) {
      std::string word = std::to_string(first <= last ? first + i * step : first - i * step);
      if (word.size() < width) word.insert(0, width - word.size(), '0');
      words.push_back(std::move(word));
    }
    return words;
  }

  int64_t number(std::string_view digits, std::string_view whole) const {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || digits.size() > 15 || digits[0] == '-' || error != std::errc() || end != digits.data() + digits.size())
      no_range(whole);
    return value;
  }
  [[noreturn]] void no_range(std::string_view text) const {
    fail("{" + std::string(text) + "} is no range of numbers; write it like {0000..0127}");
  }

  /// Every word followed by every tail.
  void multiply(Words& words, const Words& tails) const {
    check_count(words.size() * tails.size());
    if (characters(words) * tails.size() + characters(tails) * words.size() > kMostCharacters) fail("stands for too long a list");
    Words product;
    product.reserve(words.size() * tails.size());
    for (const auto& word : words) {
      for (const auto& tail : tails) product.push_back(word + tail);
    }
    words = std::move(product);
  }
  static size_t characters(const Words& words) {
    return std::transform_reduce(words.begin(), words.end(), size_t{0}, std::plus<>(),
                                 [](const auto& word) { return word.size(); });
  }
  void check_count(size_t count) const {
    if (count > kMostShards) fail("stands for more than a million shards");
  }

  const std::string& pattern_;
};

/// Parts between "::"; the one in an address like http://[::1]/ does not separate.
Words split_patterns(const std::string& pattern) {
  Words parts;
  for (size_t begin = 0; begin <= pattern.size();) {
    size_t from = begin;
    if (detail::is_http(std::string_view(pattern).substr(begin))) {
      const size_t host = pattern.find("://", begin) + 3;
      if (host < pattern.size() && pattern[host] == '[') from = std::min(pattern.find(']', host), pattern.size());
    }
    const size_t end = std::min(pattern.find("::", from), pattern.size());
    parts.push_back(pattern.substr(begin, end - begin));
    begin = end + 2;
  }
  return parts;
}

std::string without_backslashes(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    plain += text[i];
  }
  return plain;
}

/// Files that a pattern matches, in the order of their bytes (glob's own order is the locale's).
void append_glob(const std::string& pattern, Words& shards) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found);
  Words names(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::error_code ignored;
  if (code == GLOB_NOMATCH && std::filesystem::exists(pattern, ignored))
    names = {pattern};  // a name that only looks like a pattern
  if (names.empty()) throw Error("no file matches the shards '" + pattern + "'; check the path");
  std::sort(names.begin(), names.end());
  for (auto& name : names) shards.push_back(std::move(name));
}

bool is_url(const std::string& text) { return is_remote(text) || text.find("://") != std::string::npos; }

/// The word of a command that names its shard: the last one with ".tar" in it, else the last with a slash, else none.
std::string_view shard_word(std::string_view command) {
  std::string_view found;
  bool is_tar = false;
  for (size_t begin = 0; begin < command.size();) {
    const size_t end = std::min(command.find_first_of(" \t\n\"'|;<>()", begin), command.size());
    const std::string_view word = command.substr(begin, end - begin);
    const bool tar = word.find(".tar") != std::string_view::npos;
    if (tar || (!is_tar && word.find('/') != std::string_view::npos)) found = word;
    is_tar = is_tar || tar;
    begin = end + 1;
  }
  return found;
}

}  // namespace

std::vector<std::string> expand_shards(const std::string& pattern) {
  Words shards;
  for (const auto& part : split_patterns(pattern)) {
    if (part.empty()) throw Error("the shards '" + pattern + "' have an empty part; write a path, a URL or pipe:command");
    for (const auto& word : BraceExpander(part).expand()) {
      if (word.starts_with(detail::kPipePrefix)) {
        shards.push_back(word);  // its backslashes are the shell's
      } else if (is_url(word) || word.find_first_of("*?[") == std::string::npos) {
        shards.push_back(without_backslashes(word));
      } else {
        append_glob(word, shards);
      }
    }
    if (shards.size() > kMostShards) throw Error("the shards '" + pattern + "' are more than a million");
  }
  return shards;
}

std::string shard_name(const std::string& url) {
  std::string_view name = url;
  if (url.starts_with(detail::kPipePrefix)) {
    name.remove_prefix(detail::kPipePrefix.size());
    const std::string_view word = shard_word(name);
    if (word.empty()) return std::string(name);
    name = word;
  }
  if (name.find("://") != std::string_view::npos) name = name.substr(0, name.find_first_of("?#"));
  return std::string(name.substr(name.rfind('/') + 1));
}

}  // namespace fsc
