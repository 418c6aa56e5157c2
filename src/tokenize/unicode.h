// UTF-8 <-> code points, and the few Unicode operations of the text clean-up, by ICU.
#pragma once
#include <string>
#include <string_view>

namespace fsc::detail {

/// Windows-1252's reading of the bytes 0x80 to 0x9F; the five unassigned bytes stay C1 controls, as browsers do.
inline constexpr char32_t kWindows1252[32] = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
    0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178};

/// Each maximal invalid part becomes one U+FFFD (as Python's errors="replace"); then `*invalid` is set, when given.
std::u32string decode_utf8(std::string_view text, bool* invalid = nullptr);
std::string encode_utf8(std::u32string_view text);

std::u32string nfc(std::u32string text);
std::u32string nfkc(std::u32string_view text);
/// Full mappings without a language, with the final sigma and İ: Python's str.lower and str.upper.
std::u32string to_lower(std::u32string_view text);
std::u32string to_upper(std::u32string_view text);

/// What Python's str.split() splits at: Unicode white space and the four information separators.
bool is_python_space(char32_t c);

}  // namespace fsc::detail
