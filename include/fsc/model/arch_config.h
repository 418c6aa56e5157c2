// Model architectures in open_clip's JSON format.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fsc {

/// vision_cfg.timm_model_name of a SigLIP image tower in sizes of one's own.
inline constexpr const char* kTimmSiglip = "fsc_vit_siglip";

/// Default values are those of ViT-B-32; a JSON file that leaves a field out gets open_clip's default instead.
struct VisionConfig {
  int64_t image_size = 224;
  int64_t patch_size = 32;
  int64_t width = 768;
  int64_t layers = 12;
  int64_t head_width = 64;
  double mlp_ratio = 4.0;
  std::optional<double> ls_init_value = {};  ///< LayerScale's initial value; absent = no LayerScale
  /// SigLIP's tower as timm builds it: patch embedding with bias, no class token, attention-pooling head. Its output is the
  /// joint space, so embed_dim is the width. In JSON: timm_model_name, one of timm's vit_base_patch16_siglip_* (which fixes the
  /// sizes above) or kTimmSiglip (a name that only fsc knows; the fields beside it give the sizes).
  bool siglip = false;
  bool gelu_tanh = false;  ///< siglip only: the tanh approximation of GELU, as Hugging Face's SiglipModel has it (timm: exact)
  double norm_eps() const { return siglip ? 1e-6 : 1e-5; }
  int64_t grid() const { return image_size / patch_size; }
  int64_t heads() const { return width / head_width; }
  bool operator==(const VisionConfig&) const = default;
};

/// Which token's feature stands for the text: the one with the largest id (CLIP's end of text), or the last of the context.
enum class TextPool { kArgmax, kLast };

struct TextConfig {
  int64_t context_length = 77;
  int64_t vocab_size = 49408;
  int64_t width = 512;
  int64_t heads = 8;
  int64_t layers = 12;
  double mlp_ratio = 4.0;
  std::optional<double> ls_init_value = {};
  bool no_causal_mask = false;  ///< every token sees every other, the padding too: texts fill the context
  bool proj_bias = false;       ///< text_projection is a Linear with bias
  TextPool pool_type = TextPool::kArgmax;
  double norm_eps = 1e-5;
  bool gelu_tanh = false;              ///< the tanh approximation of GELU (SigLIP2)
  std::string hf_tokenizer_name = "";  ///< "" = CLIP's own BPE; else a sentencepiece model, this is its place on the hub
  std::string tokenizer_clean = "";    ///< open_clip's clean-up: canonicalize, lower, whitespace; "" = the tokenizer's default
  bool operator==(const TextConfig&) const = default;
};

struct ArchConfig {
  std::string name = "";  ///< open_clip's name or the file's stem
  int64_t embed_dim = 512;
  bool quick_gelu = false;
  VisionConfig vision;
  TextConfig text;
  bool custom_text = false;                     ///< the text tower's parameters are named text.*
  std::optional<double> init_logit_bias = {};   ///< absent = no logit_bias
  std::optional<double> init_logit_scale = {};  ///< absent = ln(1/0.07); with a logit_bias ln 10, as open_clip's trainer has it

  /// `arch` is the path of a JSON file, or the name of one in configs/, when it holds a '/' or ends in .json, else a name found
  /// in configs/models/ or compiled in. UsageError names the nearest known names, or the file that is absent; Error as for parse.
  static ArchConfig load(const std::string& arch);
  /// From open_clip's model_cfg JSON text, or an open_clip_config.json that holds one. Error begins with `where` and names
  /// the field that is missing, unknown, of the wrong type, out of range, or not supported (other timm towers, HF towers, ...).
  static ArchConfig parse(const std::string& json, const std::string& name, const std::string& where);
  /// open_clip's model_cfg JSON, two-space indented, without a line end; fields at open_clip's default may be left out.
  std::string to_json() const;
  /// The same model: everything but the name and the tokenizer's place on the hub.
  bool operator==(const ArchConfig& other) const;
};

/// Names of all architectures that are compiled in.
const std::vector<std::string>& known_architectures();

}  // namespace fsc
