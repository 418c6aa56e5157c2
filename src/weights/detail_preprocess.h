// The words for a preprocessing in JSON, which are open_clip's preprocess_cfg.
#pragma once
#include <nlohmann/json.hpp>

#include "fsc/image/preprocess.h"

namespace fsc::detail {

/// Without the size, which is the architecture's.
nlohmann::ordered_json preprocess_json(const Preprocess& preprocess);

}  // namespace fsc::detail
