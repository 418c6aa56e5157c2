// The few Unicode operations of spaCy's tokenizer, with the answers of Python's str methods, by ICU.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "text/detail_reader.h"

namespace fsc::detail {

/// `text` with each maximal invalid part replaced by one U+FFFD (Python's errors="replace").
std::string valid_utf8(std::string_view text);

/// The reader's next string, which must be valid UTF-8.
std::string read_text(Reader& reader);

/// The code point at `at`, which moves behind it. `text` must be valid and `at` inside it, on a code point.
char32_t next_code_point(std::string_view text, size_t& at);
void append_utf8(std::string& text, char32_t code_point);

bool is_space(char32_t c);   ///< str.isspace
bool is_letter(char32_t c);  ///< str.isalpha
bool is_digit(char32_t c);   ///< str.isdigit
bool is_upper(char32_t c);   ///< str.isupper of one character

/// White space only, or punctuation (the categories P) only.
bool is_space_or_punctuation(std::string_view text);

}  // namespace fsc::detail
