// config.json and preprocessor_config.json of CLIPModel and SiglipModel, read field by field and written.
#include "weights/detail_hf_config.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "fsc/core/error.h"
#include "fsc/weights/description.h"
#include "fsc/weights/model_folder.h"

namespace fsc::detail {
namespace {

using nlohmann::ordered_json;

constexpr int kBilinear = 2, kBicubic = 3;  // PIL's numbers

ordered_json parse_object(const std::string& text, const std::string& where) {
  try {
    ordered_json json = ordered_json::parse(text);
    if (json.is_object()) return json;
  } catch (const nlohmann::json::exception& problem) {
    throw Error(where + " is not valid JSON: " + problem.what());
  }
  throw Error(where + " is no JSON object");
}

/// A map of config.json. transformers leaves out what is at its default, so every field has one.
class Section {
 public:
  Section(ordered_json json, std::string path, std::string where)
      : json_(std::move(json)), path_(std::move(path)), where_(std::move(where)) {
    if (!json_.is_object()) throw Error(where_ + ": " + path_ + " must be a map, got " + json_.dump());
  }
  int64_t integer(const char* key, int64_t fallback) const {
    const auto value = find(key);
    if (value.is_null()) return fallback;
    if (!value.is_number_integer() || value < 1 || value > 100'000'000) fail(key, value, "a whole number above 0 is expected");
    return value.get<int64_t>();
  }
  double number(const char* key, double fallback) const {
    const auto value = find(key);
    if (value.is_null()) return fallback;
    if (!value.is_number()) fail(key, value, "a number is expected");
    return value.get<double>();
  }
  std::string text(const char* key, const std::string& fallback) const {
    const auto value = find(key);
    if (value.is_null()) return fallback;
    if (!value.is_string()) fail(key, value, "a text is expected");
    return value.get<std::string>();
  }
  /// A side of a square, also where transformers writes both sides.
  int64_t side(const char* key, int64_t fallback) const {
    auto value = find(key);
    if (value.is_array() && value.size() == 2 && value[0] == value[1]) value = ordered_json(value[0]);
    if (value.is_null()) return fallback;
    if (!value.is_number_integer() || value < 1 || value > 1'000'000) fail(key, value, "one side of a square is expected");
    return value.get<int64_t>();
  }
  ordered_json find(const char* key) const {
    const auto it = json_.find(key);
    return it == json_.end() ? ordered_json() : *it;
  }
  [[noreturn]] void fail(const char* key, const ordered_json& value, const std::string& problem) const {
    throw Error(where_ + ": " + path_ + (path_.empty() ? "" : ".") + key + " is " + value.dump() + ", " + problem);
  }
  template <class T>
  void only(const char* key, const T& fallback, const T& supported) const {
    const auto value = find(key);
    if (value.is_null() ? fallback != supported : value != ordered_json(supported))
      fail(key, value, "which cannot be built (only " + ordered_json(supported).dump() + ")");
  }

 private:
  ordered_json json_;
  std::string path_, where_;
};

/// text_config, or text_config_dict when there is one: old files hold both, and transformers lets the latter and its defaults
/// take the place of the former.
Section tower(const ordered_json& root, const std::string& key, const std::string& where) {
  for (const auto& name : {key + "_dict", key}) {
    const auto it = root.find(name);
    if (it != root.end() && !it->is_null()) return Section(*it, name, where);
  }
  return Section(ordered_json::object(), key, where);
}

void check_heads(const Section& section, int64_t width, int64_t heads) {
  if (width % heads != 0) section.fail("num_attention_heads", heads, "no divisor of hidden_size " + std::to_string(width));
}

double mlp_ratio(const Section& section, int64_t width, int64_t fallback) {
  const int64_t hidden = section.integer("intermediate_size", fallback);
  const double ratio = static_cast<double>(hidden) / static_cast<double>(width);
  // Models are built from the ratio, whose product is cut; the next double up where the quotient was rounded down.
  return static_cast<int64_t>(static_cast<double>(width) * ratio) == hidden ? ratio : std::nextafter(ratio, 1e9);
}

void parse_towers(const Section& image, const Section& text, double norm_eps, ArchConfig& arch) {
  for (const auto* section : {&image, &text})
    if (section->number("layer_norm_eps", norm_eps) != norm_eps)
      section->fail("layer_norm_eps", section->find("layer_norm_eps"),
                    "which cannot be built (only " + ordered_json(norm_eps).dump() + ")");
  image.only<int64_t>("num_channels", 3, 3);
  VisionConfig& v = arch.vision;
  v.width = image.integer("hidden_size", 768);
  v.layers = image.integer("num_hidden_layers", 12);
  const int64_t image_heads = image.integer("num_attention_heads", 12);
  check_heads(image, v.width, image_heads);
  v.head_width = v.width / image_heads;
  v.image_size = image.side("image_size", 224);
  v.patch_size = image.side("patch_size", v.siglip ? 16 : 32);
  if (v.patch_size > v.image_size) image.fail("patch_size", v.patch_size, "larger than image_size");
  v.mlp_ratio = mlp_ratio(image, v.width, 3072);
  TextConfig& t = arch.text;
  t.width = text.integer("hidden_size", v.siglip ? 768 : 512);
  t.layers = text.integer("num_hidden_layers", 12);
  t.heads = text.integer("num_attention_heads", v.siglip ? 12 : 8);
  check_heads(text, t.width, t.heads);
  t.context_length = text.integer("max_position_embeddings", v.siglip ? 64 : 77);
  t.vocab_size = text.integer("vocab_size", v.siglip ? 32000 : 49408);
  t.mlp_ratio = mlp_ratio(text, t.width, v.siglip ? 3072 : 2048);
}

void parse_clip(const ordered_json& root, const Section& image, const Section& text, ArchConfig& arch, const std::string& where) {
  parse_towers(image, text, 1e-5, arch);
  arch.embed_dim = Section(root, "", where).integer("projection_dim", 512);
  const std::string image_act = image.text("hidden_act", "quick_gelu"), text_act = text.text("hidden_act", "quick_gelu");
  if (image_act != text_act)
    text.fail("hidden_act", text_act, "vision_config.hidden_act " + image_act + ": towers that differ cannot be built");
  if (image_act != "quick_gelu" && image_act != "gelu")
    image.fail("hidden_act", image_act, "which cannot be built (only quick_gelu, gelu)");
  arch.quick_gelu = image_act == "quick_gelu";
  // 2 is what old files have; transformers then pools at the largest id, as CLIP does. Else it pools at this id's first place.
  const int64_t eos = text.integer("eos_token_id", 49407);
  if (eos != 2 && eos != arch.text.vocab_size - 1)
    text.fail("eos_token_id", eos, "the text feature is taken at the largest id, " + std::to_string(arch.text.vocab_size - 1));
}

void parse_siglip(const Section& image, const Section& text, ArchConfig& arch) {
  arch.vision.siglip = arch.custom_text = true;
  parse_towers(image, text, 1e-6, arch);
  arch.embed_dim = arch.vision.width;
  if (text.integer("projection_size", arch.text.width) != arch.embed_dim)
    text.fail("projection_size", text.find("projection_size"),
              "vision_config.hidden_size, " + std::to_string(arch.embed_dim) + ", is expected");
  image.only("vision_use_head", true, true);
  const auto tanh = [](const Section& section) {
    const std::string act = section.text("hidden_act", "gelu_pytorch_tanh");
    if (act != "gelu_pytorch_tanh" && act != "gelu")
      section.fail("hidden_act", act, "which cannot be built (only gelu_pytorch_tanh, gelu)");
    return act != "gelu";
  };
  arch.vision.gelu_tanh = tanh(image);
  TextConfig& t = arch.text;
  t.gelu_tanh = tanh(text);
  t.no_causal_mask = t.proj_bias = true;
  t.pool_type = TextPool::kLast;
  t.norm_eps = 1e-6;
  t.tokenizer_clean = "canonicalize";
  arch.init_logit_bias = -10.0;
  // The tokenizer's place on the hub, without which open_clip would take CLIP's: that of the known model of this vocabulary.
  const std::string sibling = t.vocab_size == 32000 ? "ViT-B-16-SigLIP" : "ViT-B-16-SigLIP2";
  t.hf_tokenizer_name = "timm/" + sibling;
}

std::string act_name(bool quick, bool tanh) { return quick ? "quick_gelu" : tanh ? "gelu_pytorch_tanh" : "gelu"; }

int64_t hidden_size(int64_t width, double ratio) { return static_cast<int64_t>(static_cast<double>(width) * ratio); }

}  // namespace

std::string hf_model_type(const std::string& json, const std::string& where) {
  const ordered_json root = parse_object(json, where);
  return Section(root, "", where).text("model_type", "");
}

ArchConfig parse_hf_config(const std::string& json, const std::string& name, const std::string& where) {
  const ordered_json root = parse_object(json, where);
  const std::string type = Section(root, "", where).text("model_type", "");
  if (type != "clip" && type != "siglip")
    throw Error(where + ": model_type is '" + type + "'; only CLIPModel ('clip') and SiglipModel ('siglip') can be read");
  const Section image = tower(root, "vision_config", where), text = tower(root, "text_config", where);
  ArchConfig arch;
  arch.name = name;
  if (type == "clip")
    parse_clip(root, image, text, arch, where);
  else
    parse_siglip(image, text, arch);
  const std::string known = known_name(arch);
  if (!known.empty()) arch = ArchConfig::load(known);  // the same model, and the tokenizer's place
  return arch;
}

std::string hf_config_json(const ArchConfig& arch, const std::string& dtype) {
  const VisionConfig& v = arch.vision;
  const TextConfig& t = arch.text;
  if (v.ls_init_value || t.ls_init_value)
    throw Error("the architecture " + arch.name + " has LayerScale, which Hugging Face's CLIPModel cannot express");
  const bool siglip = v.siglip;
  const bool plain_text =
      !t.no_causal_mask && !t.proj_bias && t.pool_type == TextPool::kArgmax && t.norm_eps == 1e-5 && !t.gelu_tanh;
  const bool siglip_text =
      t.no_causal_mask && t.proj_bias && t.pool_type == TextPool::kLast && t.norm_eps == 1e-6 && arch.init_logit_bias;
  if (siglip ? !siglip_text || arch.quick_gelu : !plain_text || arch.init_logit_bias)
    throw Error("the architecture " + arch.name +
                " mixes parts of CLIP and SigLIP, which neither CLIPModel nor SiglipModel can express");
  const double norm_eps = siglip ? 1e-6 : 1e-5;
  ordered_json text = {{"model_type", siglip ? "siglip_text_model" : "clip_text_model"},
                       {"vocab_size", t.vocab_size},
                       {"max_position_embeddings", t.context_length},
                       {"hidden_size", t.width},
                       {"intermediate_size", hidden_size(t.width, t.mlp_ratio)},
                       {"num_hidden_layers", t.layers},
                       {"num_attention_heads", t.heads},
                       {"hidden_act", act_name(arch.quick_gelu, t.gelu_tanh)},
                       {"layer_norm_eps", norm_eps}};
  ordered_json image = {{"model_type", siglip ? "siglip_vision_model" : "clip_vision_model"},
                        {"image_size", v.image_size},
                        {"patch_size", v.patch_size},
                        {"num_channels", 3},
                        {"hidden_size", v.width},
                        {"intermediate_size", hidden_size(v.width, v.mlp_ratio)},
                        {"num_hidden_layers", v.layers},
                        {"num_attention_heads", v.heads()},
                        {"hidden_act", act_name(arch.quick_gelu, v.gelu_tanh)},
                        {"layer_norm_eps", norm_eps}};
  ordered_json root = {
      {"architectures", {siglip ? "SiglipModel" : "CLIPModel"}}, {"model_type", siglip ? "siglip" : "clip"}, {"dtype", dtype}};
  if (siglip) {
    text["projection_size"] = arch.embed_dim;
    for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"})
      text[key] = nullptr;  // not transformers' defaults, CLIP's ids
    image["vision_use_head"] = true;
  } else {
    // Not transformers' legacy 2: pooling at the first end of text, which is the largest id of CLIP's vocabulary.
    text["bos_token_id"] = t.vocab_size - 2, text["eos_token_id"] = t.vocab_size - 1, text["pad_token_id"] = t.vocab_size - 1;
    root["projection_dim"] = text["projection_dim"] = image["projection_dim"] = arch.embed_dim;
  }
  root["text_config"] = text;
  root["vision_config"] = image;
  return root.dump(2) + "\n";
}

Preprocess parse_hf_preprocess(const std::string& json, const ArchConfig& arch, const std::string& where) {
  const ordered_json root = parse_object(json, where);
  const Section section(root, "", where);
  Preprocess preprocess = default_preprocess(arch);
  const auto triple = [&](const char* key, std::array<double, 3>& target) {
    const auto value = section.find(key);
    if (value.is_null()) return;
    const bool ok = value.is_array() && value.size() == 3 && value[0].is_number() && value[1].is_number() && value[2].is_number();
    if (!ok) section.fail(key, value, "three numbers are expected");
    target = value.get<std::array<double, 3>>();
  };
  triple("image_mean", preprocess.mean);
  triple("image_std", preprocess.std);
  for (const double x : preprocess.std)
    if (!(x > 0)) throw Error(where + ": image_std must be greater than 0");
  for (const char* key : {"do_resize", "do_rescale", "do_normalize"}) section.only(key, true, true);
  const auto resample = section.find("resample");
  if (!resample.is_null() && resample != kBilinear && resample != kBicubic)
    section.fail("resample", resample, "only 2 (bilinear) and 3 (bicubic) are supported");
  if (!resample.is_null()) preprocess.interpolation = resample == kBilinear ? Interpolation::kBilinear : Interpolation::kBicubic;
  const auto size = section.find("size");  // old files: a number, the shortest edge
  if (size.is_number() || (size.is_object() && size.contains("shortest_edge"))) preprocess.resize_mode = ResizeMode::kShortest;
  if (size.is_object() && size.contains("height")) preprocess.resize_mode = ResizeMode::kSquash;
  const auto edge =
      size.is_object() ? size.contains("height") ? size["height"] : size.value("shortest_edge", ordered_json()) : size;
  if (!edge.is_null() && edge != arch.vision.image_size)
    section.fail("size", size, "the model takes " + std::to_string(arch.vision.image_size) + " pixels");
  return preprocess;
}

std::string hf_preprocess_json(const Preprocess& preprocess, const ArchConfig& arch) {
  const bool squash = preprocess.resize_mode == ResizeMode::kSquash;
  const ordered_json square = {{"height", preprocess.size}, {"width", preprocess.size}};
  ordered_json json;
  if (squash) {
    json["size"] = square;
  } else {
    json["size"] = {{"shortest_edge", preprocess.size}};
    json["crop_size"] = square;
  }
  json["do_resize"] = true;
  json["do_center_crop"] = !squash;
  for (const char* key : {"do_convert_rgb", "do_rescale", "do_normalize"}) json[key] = true;
  json["rescale_factor"] = 1.0 / 255.0;
  json["resample"] = preprocess.interpolation == Interpolation::kBilinear ? kBilinear : kBicubic;
  json["image_mean"] = preprocess.mean;
  json["image_std"] = preprocess.std;
  json["image_processor_type"] = arch.vision.siglip ? "SiglipImageProcessor" : "CLIPImageProcessor";
  json["processor_class"] = arch.vision.siglip ? "SiglipProcessor" : "CLIPProcessor";
  return json.dump(2) + "\n";
}

}  // namespace fsc::detail
