// The repairs that ftfy.fix_text makes on ordinary text.
#pragma once
#include <string>
#include <string_view>

namespace fsc::detail {

/// What ftfy 6.3's fix_text gives, mojibake repair left out: where ftfy would look for it, `*mojibake` is set instead.
std::u32string fix_text(std::u32string_view text, bool* mojibake);

/// Whether `text` has a run of characters that reads as a UTF-8 sequence when written in Windows-1252 or Latin-1 ("cafÃ©"),
/// other than such as typography makes ("É…", "à »").
bool looks_like_mojibake(std::u32string_view text);

}  // namespace fsc::detail
