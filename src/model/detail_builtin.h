// The architectures that are compiled in, so that the programs work without the configs folder.
#pragma once
#include <vector>

#include "fsc/model/arch_config.h"

namespace fsc::detail {

/// Equal to configs/models/*.json (a test holds them together).
const std::vector<ArchConfig>& builtin_architectures();

}  // namespace fsc::detail
