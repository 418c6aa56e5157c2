// Reads open_clip's model JSON field by field: what this version cannot build is refused by name, never ignored.
#include "fsc/model/arch_config.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "model/detail_builtin.h"
#include "model/detail_fields.h"

namespace fsc {
namespace {

using detail::Fields;
using nlohmann::json;

// Bounds far beyond any CLIP, so that a slip of the pen is a message and not an attempt to allocate it.
constexpr int64_t kMaxWidth = 65536, kMaxLayers = 1024, kMaxSize = 16384, kMaxVocabulary = 10'000'000;

/// timm's names for SigLIP's B/16 image tower are this prefix and one of the sizes.
constexpr const char* kTimmPrefix = "vit_base_patch16_siglip_";
constexpr int64_t kTimmSizes[] = {224, 256, 384, 512};

std::vector<std::string> timm_names() {
  std::vector<std::string> names;
  for (const int64_t size : kTimmSizes) names.push_back(kTimmPrefix + std::to_string(size));
  return names;
}

/// The sizes that timm's names stand for.
VisionConfig timm_sizes() {
  VisionConfig config;
  config.siglip = true;
  config.patch_size = 16;
  return config;
}

/// Blocks of open_clip's "custom" kind, which both towers can ask for.
void refuse_custom_blocks(Fields& fields) {
  for (const char* key : {"qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn", "scale_fc"}) {
    fields.only_default(key, false);
  }
  fields.only_default("block_type", "default");
  fields.only_default("final_ln_after_pool", false);
  fields.ignore("output_tokens");  // this version returns tokens when asked, whatever the config says
}

/// act_kwargs of GELU: true for the tanh approximation.
bool parse_gelu_tanh(Fields& fields) {
  if (!fields.has("act_kwargs")) return false;
  Fields kwargs = fields.object("act_kwargs");
  const bool tanh = kwargs.choice("approximate", {"none", "tanh"}) == "tanh";
  kwargs.finish();
  return tanh;
}

/// Which image tower it is; SigLIP's is named by timm.
bool parse_siglip(Fields& fields) {
  if (fields.text("timm_model_name").empty()) {
    for (const char* key : {"timm_pool", "timm_proj", "timm_drop_path"}) fields.ignore(key);
    fields.only_default("act_kwargs", nullptr);
    return false;
  }
  auto names = timm_names();
  names.push_back(kTimmSiglip);
  fields.choice("timm_model_name", names);
  // open_clip's defaults for these two are others, so they have to be there.
  if (fields.choice("timm_pool", {"avg", "map"}) != "map") fields.fail("timm_pool", "has to be \"map\" for SigLIP's tower");
  if (fields.choice("timm_proj", {"linear", "none"}) != "none") fields.fail("timm_proj", "has to be \"none\" for SigLIP's tower");
  fields.only_default("timm_drop_path", 0.0);
  return true;
}

/// A real timm name fixes the sizes, and open_clip ignores what stands beside it: a contradiction is a mistake.
void check_timm_sizes(const Fields& fields, const VisionConfig& config) {
  VisionConfig named = timm_sizes();
  named.image_size = config.image_size, named.gelu_tanh = config.gelu_tanh;
  if (!(config == named))
    fields.fail("timm_model_name", std::string("fixes width 768, 12 layers, patch_size 16, head_width 64, mlp_ratio 4 and no "
                                               "LayerScale; leave these fields out, or name the tower ") +
                                       kTimmSiglip);
}

VisionConfig parse_vision(Fields fields) {
  for (const char* key : {"timm_model_pretrained", "timm_proj_bias", "timm_drop", "attn_pooler_queries", "attn_pooler_heads"})
    fields.ignore(key);
  fields.only_default("patch_dropout", 0.0);
  for (const char* key : {"attentional_pool", "no_ln_pre", "input_patchnorm", "global_average_pool"})
    fields.only_default(key, false);
  fields.only_default("pos_embed_type", "learnable");
  fields.only_default("pool_type", "tok");
  fields.only_default("norm_kwargs", nullptr);
  refuse_custom_blocks(fields);

  VisionConfig config;
  config.siglip = parse_siglip(fields);
  if (config.siglip) config.gelu_tanh = parse_gelu_tanh(fields);
  config.image_size = fields.integer("image_size", 224, 1, kMaxSize);
  config.patch_size = fields.integer("patch_size", 16, 1, kMaxSize);
  config.width = fields.integer("width", 768, 1, kMaxWidth);
  config.layers = fields.integer("layers", 12, 1, kMaxLayers);
  config.head_width = fields.integer("head_width", 64, 1, kMaxWidth);
  config.mlp_ratio = fields.number("mlp_ratio", 4.0, 0.0, 64.0);
  config.ls_init_value = fields.optional_number("ls_init_value");
  fields.finish();
  if (config.siglip && fields.text("timm_model_name") != kTimmSiglip) check_timm_sizes(fields, config);
  if (config.siglip) fields.only_default("ls_init_value", nullptr);
  if (config.patch_size > config.image_size) fields.fail("patch_size", "is larger than image_size");
  if (config.width % config.head_width != 0) fields.fail("width", "is not a multiple of head_width");
  if (static_cast<int64_t>(static_cast<double>(config.width) * config.mlp_ratio) < 1) fields.fail("mlp_ratio", "leaves no unit");
  return config;
}

/// What SigLIP's text tower has beside CLIP's. A tower without causal mask, pooled at the last token, needs a tokenizer that
/// fills the context; CLIP's does not.
void parse_siglip_text(Fields& fields, TextConfig& config) {
  config.no_causal_mask = fields.boolean("no_causal_mask", false);
  config.proj_bias = fields.boolean("proj_bias", false);
  if (fields.choice("pool_type", {"argmax", "last"}) == "last") config.pool_type = TextPool::kLast;
  if (fields.has("norm_kwargs")) {
    Fields kwargs = fields.object("norm_kwargs");
    config.norm_eps = kwargs.number("eps", 1e-5, 0.0, 1.0);
    kwargs.finish();
  }
  config.gelu_tanh = parse_gelu_tanh(fields);
  config.hf_tokenizer_name = fields.text("hf_tokenizer_name");
  if (fields.has("tokenizer_kwargs")) {
    Fields kwargs = fields.object("tokenizer_kwargs");
    config.tokenizer_clean = kwargs.choice("clean", {"whitespace", "canonicalize", "lower"});
    kwargs.finish();
  }
  const bool sentencepiece = !config.hf_tokenizer_name.empty(), last = config.pool_type == TextPool::kLast;
  if (sentencepiece != last || last != config.no_causal_mask)
    fields.fail("", "pool_type \"last\", no_causal_mask and hf_tokenizer_name are supported only together, as SigLIP has them");
}

TextConfig parse_text(Fields fields) {
  for (const char* key : {"hf_model_name", "tokenizer_mode"}) fields.only_default(key, nullptr);
  for (const char* key : {"hf_model_pretrained", "hf_proj_type", "hf_pooler_type", "eos_id"}) fields.ignore(key);
  fields.only_default("embed_cls", false);
  fields.only_default("pad_id", 0);
  fields.only_default("proj_type", "linear");
  refuse_custom_blocks(fields);

  TextConfig config;
  parse_siglip_text(fields, config);
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
  arch.custom_text = fields.boolean("custom_text", false);
  arch.init_logit_bias = fields.optional_number("init_logit_bias");
  arch.init_logit_scale = fields.optional_number("init_logit_scale");
  fields.only_default("nonscalar_logit_scale", false);
  for (const char* key : {"multimodal_cfg", "audio_cfg"}) fields.only_default(key, nullptr);
  arch.vision = parse_vision(fields.object("vision_cfg"));
  arch.text = parse_text(fields.object("text_cfg"));
  fields.finish();
  if (arch.vision.siglip && arch.embed_dim != arch.vision.width)
    fields.fail("embed_dim", "is " + std::to_string(arch.embed_dim) + ", SigLIP's image tower gives its width, " +
                                 std::to_string(arch.vision.width));
  if (arch.quick_gelu && arch.text.gelu_tanh) fields.fail("quick_gelu", "contradicts text_cfg.act_kwargs");
  return arch;
}

ArchConfig ArchConfig::load(const std::string& arch) {
  namespace fs = std::filesystem;
  if (arch.find('/') != std::string::npos || fs::path(arch).extension() == ".json") {
    const fs::path file = config_file(arch);
    if (!fs::exists(file))
      throw UsageError("there is no architecture file " + arch + "; give its path, or one of the names in configs/models/");
    return parse(read_file(file), file.stem().string(), file.string());
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

namespace {

nlohmann::ordered_json vision_json(const VisionConfig& vision) {
  nlohmann::ordered_json out;
  out["image_size"] = vision.image_size;
  if (vision.siglip) {
    VisionConfig named = timm_sizes();
    named.image_size = vision.image_size, named.gelu_tanh = vision.gelu_tanh;
    const bool known = std::find(std::begin(kTimmSizes), std::end(kTimmSizes), vision.image_size) != std::end(kTimmSizes);
    // A size that timm has no name for keeps 224's: open_clip then needs force_image_size.
    out["timm_model_name"] = vision == named ? kTimmPrefix + std::to_string(known ? vision.image_size : 224) : kTimmSiglip;
    out["timm_model_pretrained"] = false;
    out["timm_pool"] = "map";
    out["timm_proj"] = "none";
    if (vision.gelu_tanh) out["act_kwargs"] = {{"approximate", "tanh"}};
    if (vision == named) return out;
  }
  out["layers"] = vision.layers;
  out["width"] = vision.width;
  if (vision.head_width != 64) out["head_width"] = vision.head_width;
  if (vision.mlp_ratio != 4.0) out["mlp_ratio"] = vision.mlp_ratio;
  if (vision.ls_init_value) out["ls_init_value"] = *vision.ls_init_value;
  out["patch_size"] = vision.patch_size;
  return out;
}

nlohmann::ordered_json text_json(const TextConfig& text) {
  nlohmann::ordered_json out;
  out["context_length"] = text.context_length;
  out["vocab_size"] = text.vocab_size;
  if (!text.hf_tokenizer_name.empty()) out["hf_tokenizer_name"] = text.hf_tokenizer_name;
  if (!text.tokenizer_clean.empty()) out["tokenizer_kwargs"] = {{"clean", text.tokenizer_clean}};
  out["width"] = text.width;
  out["heads"] = text.heads;
  out["layers"] = text.layers;
  if (text.mlp_ratio != 4.0) out["mlp_ratio"] = text.mlp_ratio;
  if (text.ls_init_value) out["ls_init_value"] = *text.ls_init_value;
  if (text.no_causal_mask) out["no_causal_mask"] = true;
  if (text.proj_bias) out["proj_bias"] = true;
  if (text.pool_type == TextPool::kLast) out["pool_type"] = "last";
  if (text.norm_eps != 1e-5) out["norm_kwargs"] = {{"eps", text.norm_eps}};
  if (text.gelu_tanh) out["act_kwargs"] = {{"approximate", "tanh"}};
  return out;
}

}  // namespace

std::string ArchConfig::to_json() const {
  nlohmann::ordered_json root;
  root["embed_dim"] = embed_dim;
  if (quick_gelu) root["quick_gelu"] = true;
  if (init_logit_scale) root["init_logit_scale"] = *init_logit_scale;
  if (init_logit_bias) root["init_logit_bias"] = *init_logit_bias;
  if (custom_text) root["custom_text"] = true;
  root["vision_cfg"] = vision_json(vision);
  root["text_cfg"] = text_json(text);
  return root.dump(2);
}

bool ArchConfig::operator==(const ArchConfig& other) const {
  TextConfig renamed = other.text;
  renamed.hf_tokenizer_name = text.hf_tokenizer_name;
  return embed_dim == other.embed_dim && quick_gelu == other.quick_gelu && vision == other.vision && text == renamed &&
         custom_text == other.custom_text && init_logit_bias == other.init_logit_bias &&
         init_logit_scale == other.init_logit_scale;
}

}  // namespace fsc
