// ICU behind UTF-8 strings, with short cuts for ASCII, which captions mostly are.
#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <stdexcept>

#include "fsc/text/text_model.h"
#include "text/detail_unicode.h"

namespace fsc {
namespace detail {
namespace {

const uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  const auto size = static_cast<int64_t>(text.size());
  for (int64_t at = 0; at < size;) {
    UChar32 c;
    U8_NEXT(bytes_of(text), at, size, c);
    append_utf8(out, c < 0 ? 0xFFFD : static_cast<char32_t>(c));
  }
  return out;
}

std::string read_text(Reader& reader) {
  std::string text(reader.string());
  if (valid_utf8(text) != text) reader.fail("a text before this is no valid UTF-8");
  return text;
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

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_WHITE_SPACE);
}

bool is_letter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return u_isalpha(static_cast<UChar32>(c));
}

bool is_digit(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const int32_t type = u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_NUMERIC_TYPE);
  return type == U_NT_DECIMAL || type == U_NT_DIGIT;
}

bool is_upper(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z';
  return u_isUUppercase(static_cast<UChar32>(c));
}

bool is_space_or_punctuation(std::string_view text) {
  bool space = true, punctuation = true;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    space = space && is_space(c);
    punctuation = punctuation && u_ispunct(static_cast<UChar32>(c));
  }
  return space || punctuation;
}

}  // namespace detail

std::string lower(std::string_view text) {
  std::string out;
  if (detail::is_ascii(text)) {
    out = text;
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return out;
  }
  UErrorCode status = U_ZERO_ERROR;
  icu::StringByteSink<std::string> sink(&out);
  icu::CaseMap::utf8ToLower("", 0, icu::StringPiece(text.data(), static_cast<int32_t>(text.size())), sink, nullptr, status);
  if (U_FAILURE(status)) throw std::runtime_error(std::string("ICU cannot lower-case: ") + u_errorName(status));
  return out;
}

}  // namespace fsc
