// Model architectures in open_clip's JSON format.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fsc {

struct VisionConfig {
  int64_t image_size = 224;
  int64_t patch_size = 32;
  int64_t width = 768;
  int64_t layers = 12;
  int64_t head_width = 64;
  double mlp_ratio = 4.0;
  std::optional<double> ls_init_value;  ///< LayerScale's initial value; absent = no LayerScale
  int64_t grid() const { return image_size / patch_size; }
  int64_t heads() const { return width / head_width; }
};

struct TextConfig {
  int64_t context_length = 77;
  int64_t vocab_size = 49408;
  int64_t width = 512;
  int64_t heads = 8;
  int64_t layers = 12;
  double mlp_ratio = 4.0;
  std::optional<double> ls_init_value;
};

struct ArchConfig {
  std::string name;  ///< open_clip's name or the file's stem
  int64_t embed_dim = 512;
  bool quick_gelu = false;
  VisionConfig vision;
  TextConfig text;

  /// `arch` is a name found in configs/models/ (or compiled in) or the path of a JSON file. UsageError lists the nearest
  /// names; Error names the file and the field that is missing, of the wrong type, or not supported (timm, HF towers, ...).
  static ArchConfig load(const std::string& arch);
  /// From open_clip's model_cfg JSON text; `where` is named in errors.
  static ArchConfig parse(const std::string& json, const std::string& name, const std::string& where);
  /// open_clip's model_cfg JSON, two-space indented.
  std::string to_json() const;
  bool operator==(const ArchConfig& other) const;
};

/// Names of all architectures that are compiled in.
const std::vector<std::string>& known_architectures();

}  // namespace fsc
