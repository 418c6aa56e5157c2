// ICU behind plain strings, with short cuts for ASCII, which captions mostly are.
#include "fsc/core/unicode.h"

#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <stdexcept>

namespace fsc {
namespace {

const uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }
UChar32 icu_of(char32_t c) { return static_cast<UChar32>(c); }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

[[noreturn]] void fail(const char* what, UErrorCode status) {
  throw std::runtime_error(std::string("ICU cannot ") + what + ": " + u_errorName(status));
}

/// Calls `use(code point, or -1 for a maximal invalid part)`.
template <class Use>
void each_code_point(std::string_view text, const Use& use) {
  const auto size = static_cast<int64_t>(text.size());
  for (int64_t at = 0; at < size;) {
    UChar32 c;
    U8_NEXT(bytes_of(text), at, size, c);
    use(c);
  }
}

icu::UnicodeString to_icu(std::u32string_view text) {
  icu::UnicodeString out;
  for (const char32_t c : text) out.append(icu_of(c));
  return out;
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string out;
  out.reserve(static_cast<size_t>(text.length()));
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) out.push_back(static_cast<char32_t>(text.char32At(i)));
  return out;
}

using NormalizerGetter = const icu::Normalizer2* (*)(UErrorCode&);

const icu::Normalizer2& normalizer_of(NormalizerGetter get) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = get(status);
  if (U_FAILURE(status)) fail("find its normalization data", status);
  return *normalizer;
}

/// The combining marks that `c` is or stands for; none for other characters.
std::u32string marks_of(char32_t c, const icu::Normalizer2& normalizer) {
  icu::UnicodeString parts;
  if (normalizer.getDecomposition(icu_of(c), parts))
    return normalizer.getCombiningClass(parts.char32At(0)) > 0 ? from_icu(parts) : std::u32string();
  return normalizer.getCombiningClass(icu_of(c)) > 0 ? std::u32string(1, c) : std::u32string();
}

/// Puts long runs of combining marks into canonical order, which is an equivalent text. ICU would move each mark to its place by
/// itself, in time that grows with the square of the run.
std::u32string order_long_runs(std::u32string_view text, const icu::Normalizer2& normalizer) {
  constexpr size_t kLong = 30;  // more than any language's letters carry (Unicode's annex 15)
  std::u32string out;
  out.reserve(text.size());
  size_t run = 0;  // where it begins in `out`
  const auto finish_run = [&] {
    if (out.size() - run > kLong) {
      std::stable_sort(out.begin() + static_cast<ptrdiff_t>(run), out.end(), [&](char32_t a, char32_t b) {
        return normalizer.getCombiningClass(icu_of(a)) < normalizer.getCombiningClass(icu_of(b));
      });
    }
  };
  for (const char32_t c : text) {
    const std::u32string marks = c < 0x300 ? std::u32string() : marks_of(c, normalizer);
    out += marks;
    if (!marks.empty()) continue;
    finish_run();
    out += c;
    run = out.size();
  }
  finish_run();
  return out;
}

std::u32string normalize(std::u32string_view text, NormalizerGetter get) {
  const icu::Normalizer2& normalizer = normalizer_of(get);
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString result = normalizer.normalize(to_icu(order_long_runs(text, normalizer)), status);
  if (U_FAILURE(status)) fail("normalize a text", status);
  return from_icu(result);
}

/// `map` is one of ICU's mappings of case, `change` the same of an ASCII character.
template <class Map, class Change>
std::string change_case(std::string_view text, const Map& map, const Change& change) {
  std::string out;
  if (is_ascii(text)) {
    out = text;
    for (char& c : out) c = change(c);
    return out;
  }
  UErrorCode status = U_ZERO_ERROR;
  icu::StringByteSink<std::string> sink(&out);
  map("", 0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, status);
  if (U_FAILURE(status)) fail("change the case of a text", status);
  return out;
}

}  // namespace

std::u32string decode_utf8(std::string_view text, bool* invalid) {
  std::u32string out;
  out.reserve(text.size());
  each_code_point(text, [&](UChar32 c) {
    if (c < 0 && invalid) *invalid = true;
    out.push_back(c < 0 ? 0xFFFD : static_cast<char32_t>(c));
  });
  return out;
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) append_utf8(out, c);
  return out;
}

std::string valid_utf8(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  each_code_point(text, [&](UChar32 c) { append_utf8(out, c < 0 ? 0xFFFD : static_cast<char32_t>(c)); });
  return out;
}

char32_t next_code_point(std::string_view text, size_t& at) {
  UChar32 c;
  U8_NEXT_UNSAFE(bytes_of(text), at, c);
  return static_cast<char32_t>(c);
}

void append_utf8(std::string& text, char32_t code_point) {
  char bytes[U8_MAX_LENGTH];
  size_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, code_point);
  text.append(bytes, length);
}

std::u32string nfc(std::u32string text) {
  // Nothing below U+0300 composes or reorders.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) return text;
  return normalize(text, icu::Normalizer2::getNFCInstance);
}

std::u32string nfkc(std::u32string_view text) { return normalize(text, icu::Normalizer2::getNFKCInstance); }

std::string lower(std::string_view text) {
  return change_case(
      text, [](auto&&... rest) { icu::CaseMap::utf8ToLower(rest...); },
      [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
}

std::string upper(std::string_view text) {
  return change_case(
      text, [](auto&&... rest) { icu::CaseMap::utf8ToUpper(rest...); },
      [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; });
}

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return u_hasBinaryProperty(icu_of(c), UCHAR_WHITE_SPACE);
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return u_isalpha(icu_of(c));
}

bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return U_GET_GC_MASK(icu_of(c)) & U_GC_N_MASK;
}

bool is_decimal(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return u_isdigit(icu_of(c));
}

bool is_digit(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const int32_t type = u_getIntPropertyValue(icu_of(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}

bool is_upper(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  return u_isUUppercase(icu_of(c));
}

bool is_lower(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z';
  return u_isULowercase(icu_of(c));
}

bool is_title(char32_t c) { return u_charType(icu_of(c)) == U_TITLECASE_LETTER; }

bool is_punctuation(char32_t c) { return u_ispunct(icu_of(c)); }

}  // namespace fsc
