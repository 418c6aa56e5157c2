// The JSON header of a safetensors file, parsed and checked without trusting any number in it.
#pragma once
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fsc::detail {

struct HeaderEntry {
  std::string name;
  c10::ScalarType dtype = c10::ScalarType::Float;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  ///< bytes from the start of the data section
};

struct SafetensorsHeader {
  std::vector<HeaderEntry> entries;  ///< in the order of the text
  std::map<std::string, std::string> metadata;
};

/// Parses `text`; `data_size` is the size of the data section. Error begins with `where` (the file's name) and names the
/// tensor and the field. On return every entry has a size that equals its shape, and the entries tile the data section
/// without holes or overlaps.
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size, const std::string& where);

struct NamedDtype {
  const char* name;
  c10::ScalarType dtype;
};
/// The supported dtypes with their names in the format.
const std::vector<NamedDtype>& safetensors_dtypes();

}  // namespace fsc::detail
