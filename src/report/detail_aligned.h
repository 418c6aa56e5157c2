// Tables for the terminal.
#pragma once
#include <string>
#include <vector>

namespace fsc::detail {

/// Columns padded to their widest cell, the first to the left, the others to the right.
std::string aligned(const std::vector<std::vector<std::string>>& rows);

}  // namespace fsc::detail
