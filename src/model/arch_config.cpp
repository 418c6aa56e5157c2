// Reads open_clip's model JSON field by field: what this version cannot build is refused by name, never ignored.
#include "fsc/model/arch_config.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "model/detail_builtin.h"

namespace fsc {
namespace {

using nlohmann::json;

/// One JSON object whose fields are asked for by name; what nobody asked for is an error.
class Fields {
 public:
  Fields(const json& object, std::string path, const std::string& where)
      : object_(object), path_(std::move(path)), where_(where) {
    if (!object_.is_object()) fail("", "a JSON object is expected, it is " + object_.dump());
  }

  int64_t integer(const char* key, std::optional<int64_t> fallback, int64_t low, int64_t high) {
    const json* value = find(key);
    if (!value && fallback) return *fallback;
    if (!value) fail(key, "is missing");
    const bool ok = value->is_number_integer() && *value >= low && *value <= high;
    if (!ok)
      fail(key, "is " + value->dump() + ", a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                    " is expected");
    return value->get<int64_t>();
  }
  double number(const char* key, double fallback, double above, double high) {
    const json* value = find(key);
    if (!value) return fallback;
    const bool ok = value->is_number() && *value > above && *value <= high;
    if (!ok)
      fail(key, "is " + value->dump() + ", a number above " + json(above).dump() + " and up to " + json(high).dump() +
                    " is expected");
    return value->get<double>();
  }
  std::optional<double> optional_number(const char* key) {
    const json* value = find(key);
    if (!value || value->is_null()) return std::nullopt;
    if (!value->is_number()) fail(key, "is " + value->dump() + ", a number or null is expected");
    return value->get<double>();
  }
  bool boolean(const char* key, bool fallback) {
    const json* value = find(key);
    if (!value) return fallback;
    if (!value->is_boolean()) fail(key, "is " + value->dump() + ", true or false is expected");
    return value->get<bool>();
  }
  Fields object(const char* key) {
    const json* value = find(key);
    if (!value) fail(key, "is missing");
    return Fields(*value, path_ + key + ".", where_);
  }
  /// A choice of open_clip's that this version has only at its default (null, false, 0 and "" mean the same).
  void only_default(const char* key, const json& standard) {
    const json* value = find(key);
    if (!value || value->is_null() || *value == standard || (is_off(*value) && is_off(standard))) return;
    fail(key, "is " + value->dump() + ", which this version does not support (only " + standard.dump() + ")");
  }
  /// A field without effect on the models this version builds.
  void ignore(const char* key) { find(key); }

  void finish() const {
    for (const auto& item : object_.items()) {
      if (known_.count(item.key())) continue;
      const std::string nearest = nearest_name(item.key(), {known_.begin(), known_.end()});
      fail(item.key(), "is not a field of open_clip's model configs that this version knows" +
                           (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
  }
  [[noreturn]] void fail(const std::string& key, const std::string& problem) const {
    std::string field = path_ + key;
    if (!field.empty() && field.back() == '.') field.pop_back();
    throw Error(where_ + ": " + (field.empty() ? "" : field + ": ") + problem);
  }

 private:
  static bool is_off(const json& value) { return value.is_null() || value == false || value == 0 || value == ""; }
  const json* find(const char* key) {
    known_.insert(key);
    const auto it = object_.find(key);
    return it == object_.end() ? nullptr : &*it;
  }

  const json& object_;
  std::string path_;
  const std::string& where_;
  std::set<std::string> known_;
};

// Bounds far beyond any CLIP, so that a slip of the pen is a message and not an attempt to allocate it.
constexpr int64_t kMaxWidth = 65536, kMaxLayers = 1024, kMaxSize = 16384, kMaxVocabulary = 10'000'000;

/// Blocks of open_clip's "custom" kind, which both towers can ask for.
void refuse_custom_blocks(Fields& fields) {
  fields.only_default("act_kwargs", nullptr);
  fields.only_default("norm_kwargs", nullptr);
  for (const char* key : {"qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc"}) {
    fields.only_default(key, false);
  }
  fields.only_default("block_type", "default");
  fields.only_default("final_ln_after_pool", false);
  fields.ignore("output_tokens");  // this version returns tokens when asked, whatever the config says
}

VisionConfig parse_vision(Fields fields) {
  fields.only_default("timm_model_name", nullptr);
  for (const char* key : {"timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias", "timm_drop", "timm_drop_path",
                          "attn_pooler_queries", "attn_pooler_heads"}) {
    fields.ignore(key);
  }
  fields.only_default("patch_dropout", 0.0);
  for (const char* key : {"attentional_pool", "no_ln_pre", "input_patchnorm", "global_average_pool"})
    fields.only_default(key, false);
  fields.only_default("pos_embed_type", "learnable");
  fields.only_default("pool_type", "tok");
  refuse_custom_blocks(fields);

  VisionConfig config;
  config.image_size = fields.integer("image_size", 224, 1, kMaxSize);
  config.patch_size = fields.integer("patch_size", 16, 1, kMaxSize);
  config.width = fields.integer("width", 768, 1, kMaxWidth);
  config.layers = fields.integer("layers", 12, 1, kMaxLayers);
  config.head_width = fields.integer("head_width", 64, 1, kMaxWidth);
  config.mlp_ratio = fields.number("mlp_ratio", 4.0, 0.0, 64.0);
  config.ls_init_value = fields.optional_number("ls_init_value");
  fields.finish();
  if (config.patch_size > config.image_size) fields.fail("patch_size", "is larger than image_size");
  if (config.width % config.head_width != 0) fields.fail("width", "is not a multiple of head_width");
  if (static_cast<int64_t>(static_cast<double>(config.width) * config.mlp_ratio) < 1) fields.fail("mlp_ratio", "leaves no unit");
  return config;
}

TextConfig parse_text(Fields fields) {
  for (const char* key : {"hf_model_name", "hf_tokenizer_name", "tokenizer_kwargs", "tokenizer_mode"})
    fields.only_default(key, nullptr);
  for (const char* key : {"hf_model_pretrained", "hf_proj_type", "hf_pooler_type", "eos_id"}) fields.ignore(key);
  for (const char* key : {"embed_cls", "no_causal_mask", "proj_bias"}) fields.only_default(key, false);
  fields.only_default("pad_id", 0);
  fields.only_default("pool_type", "argmax");
  fields.only_default("proj_type", "linear");
  refuse_custom_blocks(fields);

  TextConfig config;
  config.context_length = fields.integer("context_length", 77, 2, kMaxSize);
  config.vocab_size = fields.integer("vocab_size", 49408, 3, kMaxVocabulary);
  config.width = fields.integer("width", 512, 1, kMaxWidth);
  config.heads = fields.integer("heads", 8, 1, kMaxWidth);
  config.layers = fields.integer("layers", 12, 1, kMaxLayers);
  config.mlp_ratio = fields.number("mlp_ratio", 4.0, 0.0, 64.0);
  config.ls_init_value = fields.optional_number("ls_init_value");
  fields.finish();
  if (config.width % config.heads != 0) fields.fail("width", "is not a multiple of heads");
  if (static_cast<int64_t>(static_cast<double>(config.width) * config.mlp_ratio) < 1) fields.fail("mlp_ratio", "leaves no unit");
  return config;
}

json parse_json(const std::string& text, const std::string& where) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<int64_t>(std::min(error.byte, text.size())), '\n');
    throw Error(where + ": not valid JSON, line " + std::to_string(line) + "; mend the file or take one of configs/models/");
  }
}

}  // namespace

ArchConfig ArchConfig::parse(const std::string& text, const std::string& name, const std::string& where) {
  const json document = parse_json(text, where);
  const bool wrapped = document.is_object() && document.contains("model_cfg");
  Fields fields(wrapped ? document["model_cfg"] : document, wrapped ? "model_cfg." : "", where);
  ArchConfig arch;
  arch.name = name;
  arch.embed_dim = fields.integer("embed_dim", std::nullopt, 1, kMaxWidth);
  arch.quick_gelu = fields.boolean("quick_gelu", false);
  for (const char* key : {"custom_text", "nonscalar_logit_scale"}) fields.only_default(key, false);
  for (const char* key : {"multimodal_cfg", "audio_cfg", "init_logit_bias", "init_logit_scale"})
    fields.only_default(key, nullptr);
  arch.vision = parse_vision(fields.object("vision_cfg"));
  arch.text = parse_text(fields.object("text_cfg"));
  fields.finish();
  return arch;
}

ArchConfig ArchConfig::load(const std::string& arch) {
  namespace fs = std::filesystem;
  if (arch.find('/') != std::string::npos || fs::path(arch).extension() == ".json") {
    if (!fs::exists(arch))
      throw UsageError("there is no architecture file " + arch + "; give its path, or one of the names in configs/models/");
    return parse(read_file(arch), fs::path(arch).stem().string(), arch);
  }
  const fs::path file = find_config("models/" + arch + ".json");
  if (!file.empty()) return parse(read_file(file), arch, file.string());
  for (const auto& known : detail::builtin_architectures()) {
    if (known.name == arch) return known;
  }
  const std::string nearest = nearest_name(arch, known_architectures());
  std::string all;
  for (const auto& name : known_architectures()) all += (all.empty() ? "" : ", ") + name;
  throw UsageError("unknown architecture '" + arch + "'" + (nearest.empty() ? "" : "; did you mean " + nearest + "?") +
                   " Known are " + all + ", or give the path of an open_clip model config (JSON)");
}

std::string ArchConfig::to_json() const {
  nlohmann::ordered_json root, vision_json, text_json;
  const TextConfig plain;
  vision_json["image_size"] = vision.image_size;
  vision_json["layers"] = vision.layers;
  vision_json["width"] = vision.width;
  if (vision.head_width != 64) vision_json["head_width"] = vision.head_width;
  if (vision.mlp_ratio != plain.mlp_ratio) vision_json["mlp_ratio"] = vision.mlp_ratio;
  if (vision.ls_init_value) vision_json["ls_init_value"] = *vision.ls_init_value;
  vision_json["patch_size"] = vision.patch_size;
  text_json["context_length"] = text.context_length;
  text_json["vocab_size"] = text.vocab_size;
  text_json["width"] = text.width;
  text_json["heads"] = text.heads;
  text_json["layers"] = text.layers;
  if (text.mlp_ratio != plain.mlp_ratio) text_json["mlp_ratio"] = text.mlp_ratio;
  if (text.ls_init_value) text_json["ls_init_value"] = *text.ls_init_value;
  root["embed_dim"] = embed_dim;
  if (quick_gelu) root["quick_gelu"] = true;
  root["vision_cfg"] = vision_json;
  root["text_cfg"] = text_json;
  return root.dump(2);
}

bool ArchConfig::operator==(const ArchConfig& other) const {
  return embed_dim == other.embed_dim && quick_gelu == other.quick_gelu && vision == other.vision && text == other.text;
}

}  // namespace fsc
