// The word lists of TSVLC ("Teaching Structured Vision & Language Concepts to Vision & Language Models").
#pragma once
#include <string_view>
#include <vector>

namespace fsc::detail {

/// Colours, relations and actions, sizes, states, materials, nouns, numbers, numbers with a capital; each list sorted.
const std::vector<std::vector<std::string_view>>& svlc_words();

}  // namespace fsc::detail
