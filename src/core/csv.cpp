// Quotes as in RFC 4180.
#include "fsc/core/csv.h"

namespace fsc {

std::string csv_cell(const std::string& text, char separator) {
  if (text.find(separator) == std::string::npos && text.find_first_of("\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace fsc
