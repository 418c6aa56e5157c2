// Parser of a table cell that holds a list of strings, written as JSON or as a Python literal.
#include <algorithm>

#include "fsc/core/error.h"
#include "fsc/core/unicode.h"
#include "fsc/negatives/negatives.h"

namespace fsc {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_character(std::string& text, uint32_t c) {
  append_utf8(text, c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c);  // half a surrogate pair is no character
}

class ListParser {
 public:
  explicit ListParser(const std::string& text) : text_(text) {}

  NegativeTexts parse() {
    skip_space();
    if (at_end()) return {};
    if (!take('[')) fail(at_, "expected a list of strings such as [\"a dog\", \"a cat\"]");
    NegativeTexts items;
    for (skip_space(); !take(']'); skip_space()) {
      items.push_back(item());
      skip_space();
      if (!take(',') && !at(']')) fail(at_, at_end() ? "the list is not closed; expected , or ]" : "expected , or ]");
    }
    skip_space();
    if (!at_end()) fail(at_, "there is more text after the list's ]");
    return items;
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  bool at(char c) const { return !at_end() && text_[at_] == c; }
  bool take(char c) { return at(c) ? (++at_, true) : false; }
  void skip_space() {
    while (!at_end() && is_blank(text_[at_])) ++at_;
  }

  /// One element; nothing before a comma counts as a missing one.
  std::optional<std::string> item() {
    if (at(',')) return std::nullopt;
    for (const std::string_view word : {"None", "null"}) {
      if (text_.compare(at_, word.size(), word) == 0) {
        at_ += word.size();
        return std::nullopt;
      }
    }
    if (at_end()) fail(at_, "the list is not closed; expected , or ]");
    if (!at('"') && !at('\'')) fail(at_, "expected a string in quotes, None or null");
    auto text = quoted();
    if (is_blank_negative(text)) return std::nullopt;
    return text;
  }

  std::string quoted() {
    const size_t start = at_;
    const char quote = text_[at_++];
    std::string text;
    while (!at_end() && text_[at_] != quote) {
      if (text_[at_] == '\\')
        escape(text);
      else
        text += text_[at_++];
    }
    if (!take(quote)) fail(start, "this string has no closing quote");
    return text;
  }

  void escape(std::string& text) {
    const size_t start = at_++;
    const char kind = at_end() ? '\0' : text_[at_++];
    static constexpr std::string_view kNames = "ntrbfav'\"\\/", kValues = "\n\t\r\b\f\a\v'\"\\/";
    if (const auto i = kNames.find(kind); kind != '\0' && i != kNames.npos) {
      text += kValues[i];
    } else if (kind == 'x') {
      append_character(text, hex(start, 2));
    } else if (kind == 'u') {
      append_character(text, utf16(start));
    } else if (kind == 'U') {
      const uint32_t c = hex(start, 8);
      if (c > 0x10FFFF) fail(start, "there is no character of this number");
      append_character(text, c);
    } else {
      fail(start, "unknown escape; write a backslash as \\\\");
    }
  }

  /// Four digits after \u; JSON writes characters above U+FFFF as two of them.
  uint32_t utf16(size_t start) {
    const uint32_t high = hex(start, 4);
    if (high < 0xD800 || high > 0xDBFF || text_.compare(at_, 2, "\\u") != 0) return high;
    const size_t second = at_;
    at_ += 2;
    const uint32_t low = hex(second, 4);
    if (low >= 0xDC00 && low <= 0xDFFF) return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    at_ = second;  // not the other half: it speaks for itself
    return high;
  }

  uint32_t hex(size_t start, int digits) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = at_end() ? -1 : hex_digit(text_[at_]);
      if (digit < 0) fail(start, "this escape needs " + std::to_string(digits) + " hexadecimal digits");
      value = value << 4 | static_cast<uint32_t>(digit);
    }
    return value;
  }

  /// Columns count characters, not bytes, from 1.
  [[noreturn]] void fail(size_t position, const std::string& what) const {
    const auto is_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    const auto column = 1 + std::count_if(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(position), is_character);
    throw Error("column " + std::to_string(column) + ": " + what);
  }

  const std::string& text_;
  size_t at_ = 0;
};

}  // namespace

bool is_blank_negative(std::string_view text) { return std::all_of(text.begin(), text.end(), is_blank); }

NegativeTexts parse_negative_list(const std::string& cell) { return ListParser(cell).parse(); }

}  // namespace fsc
