// Everything a checkpoint tells about itself, for people and for programs.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "fsc/weights/description.h"

namespace fsc {

struct TensorInfo {
  std::string name;  ///< as in the file
  std::vector<int64_t> shape;
  std::string dtype;         ///< safetensors' name: F32, F16, BF16, ...
  double norm = 0;           ///< Euclidean, of the finite values
  int64_t nan = 0, inf = 0;  ///< how many
};

struct ModelInfo {
  std::filesystem::path path, weights;
  std::string kind;                             ///< of the source, in words
  std::string names;                            ///< whose tensor names: open_clip, Hugging Face, ...; "" = of no known model
  ModelDescription description;                 ///< what is recorded or follows from the tensors
  std::vector<std::string> missing;             ///< what nothing tells, each with the way to say it
  std::map<std::string, std::string> metadata;  ///< the file's own
  std::vector<TensorInfo> tensors;
  int64_t parameters = 0, not_finite = 0;  ///< numbers of values in floating-point tensors
};

/// Reads every tensor. Error only where the file itself cannot be read: an unknown architecture is reported in `missing`.
ModelInfo inspect_model(const std::filesystem::path& path);

std::string info_text(const ModelInfo& info);
std::string info_json(const ModelInfo& info);

}  // namespace fsc
