// Cells of csv and tsv files.
#pragma once
#include <string>

namespace fsc {

/// The text as a cell of a table whose cells `separator` parts: in RFC 4180's quotes where it needs them.
std::string csv_cell(const std::string& text, char separator);

}  // namespace fsc
