// open_clip's cleaning of a caption: ftfy, html.unescape twice, white space collapsed; lower case and punctuation as asked.
#include <algorithm>
#include <utility>

#include "fsc/core/unicode.h"
#include "fsc/tokenize/tokenizer.h"
#include "tokenize/detail_fix_text.h"
#include "tokenize/detail_html_entities.h"

namespace fsc {
namespace {

bool is_ascii_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

/// ASCII that no repair touches: nearly every caption.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= ' ' && c <= '~' && c != '&') || is_ascii_space(c); });
}

/// Appends the words of `text` to `out`, one space between them.
template <typename String, typename View, typename IsSpace>
String collapse_spaces(View text, IsSpace is_space) {
  String out;
  out.reserve(text.size());
  bool gap = false;
  for (const auto c : text) {
    if (is_space(c)) {
      gap = !out.empty();
      continue;
    }
    if (std::exchange(gap, false)) out.push_back(' ');
    out.push_back(c);
  }
  return out;
}

bool is_ascii_punctuation(char32_t c) {
  return (c >= U'!' && c <= U'/') || (c >= U':' && c <= U'@') || (c >= U'[' && c <= U'`') || (c >= U'{' && c <= U'~');
}

template <typename String>
void drop_punctuation(String& text) {
  for (auto& c : text) c = c == '_' ? ' ' : c;
  std::erase_if(text, [](auto c) { return is_ascii_punctuation(static_cast<char32_t>(c)); });
}

}  // namespace

std::string clean_text(std::string_view text, EncodeReport* report, TextClean clean) {
  if (report) *report = {};
  if (is_plain(text)) {
    std::string plain(text);
    if (clean == TextClean::kCanonicalize) drop_punctuation(plain);
    auto out = collapse_spaces<std::string>(std::string_view(plain), is_ascii_space);
    if (clean == TextClean::kWhitespace) return out;
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
  }
  EncodeReport seen;
  auto characters = detail::fix_text(decode_utf8(text, &seen.invalid_utf8), &seen.mojibake);
  if (report) *report = seen;
  for (int pass = 0; pass < 2 && characters.find(U'&') != characters.npos; ++pass) characters = detail::unescape_html(characters);
  if (clean == TextClean::kCanonicalize) drop_punctuation(characters);
  std::string cleaned = encode_utf8(collapse_spaces<std::u32string>(std::u32string_view(characters), is_space));
  return clean == TextClean::kWhitespace ? cleaned : lower(cleaned);
}

}  // namespace fsc
