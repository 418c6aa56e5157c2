// Reads a golden .safetensors file: a small reader of its own, so that goldens do not hang on the one under test.
#pragma once
#include <torch/types.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace fsc::test {

using Golden = std::map<std::string, torch::Tensor>;

inline std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Every tensor of tests/data/golden/<name>.
inline Golden read_golden(const std::string& name) {
  static const std::map<std::string, torch::ScalarType> types = {{"F64", torch::kFloat64}, {"F32", torch::kFloat32},
                                                                 {"I64", torch::kInt64},   {"I32", torch::kInt32},
                                                                 {"U8", torch::kUInt8},    {"BOOL", torch::kBool}};
  const std::string bytes = read_all(FSC_TEST_DATA "/golden/" + name);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  Golden golden;
  const auto header = nlohmann::json::parse(bytes.substr(8, length));  // items() only refers to it
  for (const auto& [key, entry] : header.items()) {
    if (key == "__metadata__") continue;
    const auto tensor = torch::empty(entry["shape"].get<std::vector<int64_t>>(), types.at(entry["dtype"].get<std::string>()));
    if (tensor.numel() > 0)
      std::memcpy(tensor.data_ptr(), bytes.data() + 8 + length + entry["data_offsets"][0].get<size_t>(), tensor.nbytes());
    golden.emplace(key, tensor);
  }
  return golden;
}

/// tests/data/golden/<name> as JSON.
inline nlohmann::json read_golden_json(const std::string& name) {
  return nlohmann::json::parse(read_all(FSC_TEST_DATA "/golden/" + name));
}

}  // namespace fsc::test
