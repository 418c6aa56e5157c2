// Lists of negatives that stand in a JSON file.
#pragma once
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "fsc/negatives/negatives.h"

namespace fsc::detail {

struct JsonNegatives {
  NegativeTexts texts;          ///< nullopt for a blank text and for what is none
  std::optional<size_t> wrong;  ///< the first element that is neither a text nor null
};

/// `list` is an array.
JsonNegatives negatives_of(const nlohmann::json& list);

}  // namespace fsc::detail
