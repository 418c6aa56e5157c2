// How two captions differ, word by word.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fsc::detail {

/// Pieces between blanks.
std::vector<std::string_view> words_of(std::string_view text);

/// Least number of words to insert, delete or overwrite.
uint64_t edit_distance(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b);

/// For each word of `b`, whether it has a partner in a longest common subsequence with `a`.
std::vector<bool> common_words(const std::vector<std::string_view>& a, const std::vector<std::string_view>& b);

/// "dog -> cat" where the captions agree but for one piece of at most `most` words on either side, which are not just the same
/// words in another order; else "".
std::string replaced_piece(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after, size_t most);

}  // namespace fsc::detail
