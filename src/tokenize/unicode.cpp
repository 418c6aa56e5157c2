// ICU behind plain code point strings, so that no ICU type leaves this file.
#include "tokenize/unicode.h"

#include <unicode/locid.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <stdexcept>

namespace fsc::detail {
namespace {

icu::UnicodeString to_icu(std::u32string_view text) {
  icu::UnicodeString out;
  for (const char32_t c : text) out.append(static_cast<UChar32>(c));
  return out;
}

std::u32string from_icu(const icu::UnicodeString& text) {
  std::u32string out;
  out.reserve(text.length());
  for (int32_t i = 0; i < text.length(); i = text.moveIndex32(i, 1)) out.push_back(text.char32At(i));
  return out;
}

using NormalizerGetter = const icu::Normalizer2* (*)(UErrorCode&);

std::u32string normalize(std::u32string_view text, NormalizerGetter get) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = get(status);
  if (U_FAILURE(status)) throw std::runtime_error(std::string("ICU has no normalization data: ") + u_errorName(status));
  const icu::UnicodeString result = normalizer->normalize(to_icu(text), status);
  if (U_FAILURE(status)) throw std::runtime_error(std::string("ICU normalization failed: ") + u_errorName(status));
  return from_icu(result);
}

}  // namespace

std::u32string decode_utf8(std::string_view text, bool* invalid) {
  std::u32string out;
  out.reserve(text.size());
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int64_t>(text.size());
  for (int64_t i = 0; i < size;) {
    UChar32 c;
    U8_NEXT(bytes, i, size, c);
    if (c < 0) {
      c = 0xFFFD;
      if (invalid) *invalid = true;
    }
    out.push_back(static_cast<char32_t>(c));
  }
  return out;
}

std::string encode_utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : text) {
    char bytes[U8_MAX_LENGTH];
    int length = 0;
    U8_APPEND_UNSAFE(bytes, length, c);
    out.append(bytes, length);
  }
  return out;
}

std::u32string nfc(std::u32string text) {
  // Nothing below U+0300 composes or reorders.
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) return text;
  return normalize(text, icu::Normalizer2::getNFCInstance);
}

std::u32string nfkc(std::u32string_view text) { return normalize(text, icu::Normalizer2::getNFKCInstance); }

std::u32string to_lower(std::u32string_view text) { return from_icu(to_icu(text).toLower(icu::Locale::getRoot())); }

std::u32string to_upper(std::u32string_view text) { return from_icu(to_icu(text).toUpper(icu::Locale::getRoot())); }

bool is_python_space(char32_t c) {
  return (c >= 0x1C && c <= 0x20) || (c >= 0x09 && c <= 0x0D) ||
         (c >= 0x80 && u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_WHITE_SPACE));
}

}  // namespace fsc::detail
