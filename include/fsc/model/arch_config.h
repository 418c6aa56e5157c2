// Model architectures in open_clip's JSON format.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fsc {

/// Default values are those of ViT-B-32; a JSON file that leaves a field out gets open_clip's default instead.
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
  bool operator==(const VisionConfig&) const = default;
};

struct TextConfig {
  int64_t context_length = 77;
  int64_t vocab_size = 49408;
  int64_t width = 512;
  int64_t heads = 8;
  int64_t layers = 12;
  double mlp_ratio = 4.0;
  std::optional<double> ls_init_value;
  bool operator==(const TextConfig&) const = default;
};

struct ArchConfig {
  std::string name;  ///< open_clip's name or the file's stem
  int64_t embed_dim = 512;
  bool quick_gelu = false;
  VisionConfig vision;
  TextConfig text;

  /// `arch` is the path of a JSON file when it holds a '/' or ends in .json, else a name found in configs/models/ or
  /// compiled in. UsageError names the nearest known names, or the file that is absent; Error as for parse.
  static ArchConfig load(const std::string& arch);
  /// From open_clip's model_cfg JSON text, or an open_clip_config.json that holds one. Error begins with `where` and names
  /// the field that is missing, unknown, of the wrong type, out of range, or not supported (timm, HF towers, ...).
  static ArchConfig parse(const std::string& json, const std::string& name, const std::string& where);
  /// open_clip's model_cfg JSON, two-space indented, without a line end; fields at open_clip's default may be left out.
  std::string to_json() const;
  /// The same model: everything but the name.
  bool operator==(const ArchConfig& other) const;
};

/// Names of all architectures that are compiled in.
const std::vector<std::string>& known_architectures();

}  // namespace fsc
