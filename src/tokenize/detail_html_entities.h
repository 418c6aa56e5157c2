// HTML character references -> text, by Python's generous rule and by ftfy's strict one.
#pragma once
#include <string>
#include <string_view>

namespace fsc::detail {

/// Reads assets/html5_entities.json once per process; later calls cost nothing. Error names the file and what to do.
void load_html_entities();

/// Python's html.unescape: the semicolon is optional, a name may be the longest known prefix of a word, numbers that are no
/// character follow the HTML5 standard.
std::u32string unescape_html(std::u32string_view text);

/// ftfy's rule for text that may not be HTML: only complete references with a semicolon; also names written in all capitals
/// where that is unambiguous (&EACUTE;).
std::u32string unescape_html_strict(std::u32string_view text);

/// Where `text` ends with such a reference: takes it off, puts into `replacement` what it stands for, and returns true.
bool take_strict_reference(std::u32string& text, std::u32string& replacement);

}  // namespace fsc::detail
