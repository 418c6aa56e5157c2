// One small function per repair, until the text stays as it is; behaviour as ftfy 6.3 documents it.
#include "tokenize/detail_fix_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fsc/core/unicode.h"
#include "tokenize/detail_html_entities.h"
#include "tokenize/detail_windows1252.h"

namespace fsc::detail {
namespace {

constexpr size_t kLongestSegment = 1'000'000;  // ftfy's max_decode_length
constexpr char32_t kFirstWide = 0xFF01, kLastWide = 0xFFEF;

/// Letters of a Latin ligature or digraph; empty for other characters.
std::u32string_view ligature_letters(char32_t c) {
  static constexpr std::u32string_view kDigraphs[] = {U"D\u017D", U"D\u017E", U"d\u017E", U"LJ", U"Lj",
                                                      U"lj",      U"NJ",      U"Nj",      U"nj"};
  static constexpr std::u32string_view kTypographic[] = {U"ff", U"fi", U"fl", U"ffi", U"ffl", U"\u017Ft", U"st"};
  if (c >= 0x01C4 && c <= 0x01CC) return kDigraphs[c - 0x01C4];
  if (c >= 0xFB00 && c <= 0xFB06) return kTypographic[c - 0xFB00];
  switch (c) {
    case 0x0132:
      return U"IJ";
    case 0x0133:
      return U"ij";
    case 0x0149:
      return U"'n";  // an apostrophe letter, which the quotes' repair would straighten
    case 0x01F1:
      return U"DZ";
    case 0x01F2:
      return U"Dz";
    case 0x01F3:
      return U"dz";
    default:
      return {};
  }
}

/// Full- and half-width forms in their ordinary width.
const std::u32string& ordinary_width(char32_t c) {
  static const auto kTable = [] {
    std::array<std::u32string, kLastWide - kFirstWide + 1> table;
    for (char32_t wide = kFirstWide; wide <= kLastWide; ++wide) table[wide - kFirstWide] = nfkc(std::u32string(1, wide));
    return table;
  }();
  return kTable[c - kFirstWide];
}

/// C1 controls as Windows-1252, ligatures, width, curly quotes, line breaks.
void append_repaired(char32_t c, std::u32string& out) {
  if (c >= 0x80 && c <= 0x9F) c = kWindows1252[c - 0x80];
  if (const auto letters = ligature_letters(c); !letters.empty()) {
    out += letters;
  } else if (c >= kFirstWide && c <= kLastWide) {
    out += ordinary_width(c);
  } else if (c == 0x3000) {
    out += U' ';
  } else if (c >= 0x201C && c <= 0x201F) {
    out += U'"';
  } else if (c == 0x02BC || (c >= 0x2018 && c <= 0x201B)) {
    out += U'\'';
  } else if (c == U'\r' || c == 0x2028 || c == 0x2029) {
    out += U'\n';
  } else {
    out += c;
  }
}

std::u32string repair_characters(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) append_repaired(c, out);
  return out;
}

/// ESC [ digits and semicolons, letter: a terminal's colours.
std::u32string remove_terminal_escapes(std::u32string text) {
  if (text.find(0x1B) == text.npos) return text;
  std::u32string out;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 2;
    if (text[i] == 0x1B && i + 1 < text.size() && text[i + 1] == U'[') {
      while (end < text.size() && (text[end] == U';' || is_decimal(text[end]))) ++end;
      const char32_t letter = end < text.size() ? text[end] | 0x20 : 0;
      if (letter >= U'a' && letter <= U'z') {
        i = end + 1;
        continue;
      }
    }
    out.push_back(text[i++]);
  }
  return out;
}

bool is_removed_control(char32_t c) {
  return c <= 0x08 || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || (c >= 0x206A && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFC);
}

/// ftfy's first round: every reference is replaced once, then the characters are repaired.
std::u32string first_round(std::u32string text, bool unescape, bool* mojibake) {
  if (unescape && text.find(U'&') != text.npos) text = unescape_html_strict(text);
  if (mojibake && looks_like_mojibake(text)) *mojibake = true;
  text = remove_terminal_escapes(repair_characters(text));
  std::erase_if(text, is_removed_control);
  return nfc(std::move(text));
}

/// The characters that NFC turns into others which may belong to a reference: Greek question mark and Kelvin sign.
char32_t ascii_twin(char32_t c) { return c == 0x037E ? U';' : c == 0x212A ? U'K' : c; }

/// What all further rounds together come to. In ftfy each takes off one layer of a reference made of references
/// ("&amp;amp;amp;"), so that a text of n characters may need n / 4 of them; here a reference is replaced when its semicolon
/// comes by, and what it stands for is looked at next, which is linear. References share no characters, so the order they are
/// replaced in makes no difference; terminal escapes do not outlive the first round.
std::u32string further_rounds(std::u32string_view text, bool unescape) {
  std::u32string out, replacement;
  out.reserve(text.size());
  std::u32string ahead = repair_characters(text);  // what replaces references, from the end on
  std::reverse(ahead.begin(), ahead.end());
  while (!ahead.empty()) {
    const char32_t c = ascii_twin(ahead.back());
    ahead.pop_back();
    if (is_removed_control(c)) continue;
    out.push_back(c);
    if (c != U';' || !unescape || !take_strict_reference(out, replacement)) continue;
    replacement = repair_characters(replacement);
    ahead.append(replacement.rbegin(), replacement.rend());
  }
  return nfc(std::move(out));
}

std::u32string fix_segment(std::u32string_view text, bool unescape, bool* mojibake) {
  std::u32string fixed = first_round(std::u32string(text), unescape, mojibake);
  if (fixed == text) return fixed;
  for (std::u32string again; (again = further_rounds(fixed, unescape)) != fixed;) fixed = std::move(again);
  return fixed;
}

/// The byte that Windows-1252 or Latin-1 has for `c`; 0 for ASCII and for characters of neither.
uint8_t one_byte(char32_t c) {
  if (c < 0x80) return 0;
  if (c <= 0xFF) return static_cast<uint8_t>(c);
  const auto* found = std::find(std::begin(kWindows1252), std::end(kWindows1252), c);
  return found == std::end(kWindows1252) ? 0 : static_cast<uint8_t>(0x80 + (found - kWindows1252));
}

/// A character that stands for a byte 0x80..0xBF; a byte that was lost reads U+FFFD.
bool is_continuation(char32_t c) {
  const uint8_t byte = one_byte(c);
  return c == 0xFFFD || (byte >= 0x80 && byte <= 0xBF);
}

/// Continuation bytes that often follow an accented letter in sound text: spaces, quotes, dashes, dots.
bool is_typography(char32_t c) {
  constexpr std::u32string_view kMarks =
      U"\u00A0\u00AB\u00AD\u00AE\u00B4\u00B7\u00BB\u2013\u2014\u2018\u2019\u201C\u201D\u2022\u2026\u2122";
  return kMarks.find(c) != kMarks.npos;
}

}  // namespace

std::u32string fix_text(std::u32string_view text, bool* mojibake) {
  std::u32string out;
  bool unescape = true;
  for (size_t at = 0; at < text.size();) {
    const size_t line_end = text.find(U'\n', at);
    const size_t length = std::min((line_end == text.npos ? text.size() : line_end + 1) - at, kLongestSegment);
    const auto segment = text.substr(at, length);
    // A "<" says that this is real HTML, here and in all that follows, whose references mean what they say.
    unescape = unescape && segment.find(U'<') == segment.npos;
    out += fix_segment(segment, unescape, mojibake);
    at += length;
  }
  return out;
}

bool looks_like_mojibake(std::u32string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const uint8_t lead = one_byte(text[i]);
    if (lead < 0xC2 || lead > 0xF4) continue;
    const bool latin_lead = lead == 0xC2 || lead == 0xC3;  // Â and Ã begin every Latin-1 letter's UTF-8
    const size_t count = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    const auto tail = text.substr(i + 1, count);
    if (tail.size() == count && std::all_of(tail.begin(), tail.end(), is_continuation) &&
        (latin_lead || !std::all_of(tail.begin(), tail.end(), is_typography))) {
      return true;
    }
    // "Ã la": the no-break space that ends "à" became a space.
    const size_t before = i > 1 && text[i - 1] == U' ' ? i - 2 : i - 1;
    if (latin_lead && text[i + 1] == U' ' && (i == 0 || (text[before] >= U'a' && text[before] <= U'z'))) return true;
  }
  return false;
}

}  // namespace fsc::detail
