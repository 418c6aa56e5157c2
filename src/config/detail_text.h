// YAML spellings shared by the files of this folder.
#pragma once
#include <string>

namespace fsc::config {

std::string number_text(double value);         ///< shortest text that reads back to the same double
std::string quoted(const std::string& value);  ///< plain when YAML reads it back as this text, else double quoted

}  // namespace fsc::config
