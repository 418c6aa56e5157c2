// UTF-8 and code points, and what Python's str methods make of them, by ICU, no type of which is seen outside.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace fsc {

/// Each maximal invalid part becomes one U+FFFD (as Python's errors="replace"); then `*invalid` is set, when given.
std::u32string decode_utf8(std::string_view text, bool* invalid = nullptr);
std::string encode_utf8(std::u32string_view text);
/// `text` itself where it is valid UTF-8, else with U+FFFD as decode_utf8 reads it.
std::string valid_utf8(std::string_view text);

/// The code point at `at`, which moves behind it. `text` must be valid and `at` inside it, on a code point.
char32_t next_code_point(std::string_view text, size_t& at);
void append_utf8(std::string& text, char32_t code_point);

/// Normal forms C and KC, in time that is linear in the length also where combining marks pile up.
std::u32string nfc(std::u32string text);
std::u32string nfkc(std::u32string_view text);

/// Python's str.lower and str.upper: full mappings without a language, with the final sigma and İ. `text` must be valid UTF-8.
std::string lower(std::string_view text);
std::string upper(std::string_view text);

bool is_space(char32_t c);        ///< str.isspace, and where str.split() splits
bool is_letter(char32_t c);       ///< str.isalpha: the categories L
bool is_number(char32_t c);       ///< the categories N
bool is_decimal(char32_t c);      ///< str.isdecimal, a regular expression's \d
bool is_digit(char32_t c);        ///< str.isdigit: also ² and ①
bool is_upper(char32_t c);        ///< str.isupper of one character
bool is_lower(char32_t c);        ///< str.islower of one character
bool is_title(char32_t c);        ///< a digraph such as ǅ, upper and lower case in one
bool is_punctuation(char32_t c);  ///< the categories P

}  // namespace fsc
