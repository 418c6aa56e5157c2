// The record of a model as JSON, to and from open_clip's config and the metadata of safetensors.
#include "fsc/weights/description.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fsc/core/error.h"
#include "fsc/weights/model_folder.h"
#include "weights/detail_preprocess.h"

namespace fsc {
namespace {

using nlohmann::ordered_json;

constexpr const char* kRecord = "fsc";

/// The value at `key` as T, or nothing when absent or null.
template <class T>
std::optional<T> optional_value(const ordered_json& map, const char* group, const char* key, const std::string& where) {
  const auto it = map.find(key);
  if (it == map.end() || it->is_null()) return std::nullopt;
  try {
    return it->get<T>();
  } catch (const nlohmann::json::exception&) {
    throw Error(where + ": " + group + "." + key + " has the wrong type: " + it->dump());
  }
}

/// open_clip's preprocess_cfg over the defaults. Like open_clip, the size is always the architecture's.
Preprocess parse_preprocess(const ordered_json& json, const ArchConfig& arch, const std::string& where) {
  constexpr const char* kGroup = "preprocess_cfg";
  Preprocess preprocess = default_preprocess(arch);
  if (!json.is_object()) throw Error(where + ": preprocess_cfg must be a map, got " + json.dump());
  using Triple = std::array<double, 3>;
  if (const auto mean = optional_value<Triple>(json, kGroup, "mean", where)) preprocess.mean = *mean;
  if (const auto std = optional_value<Triple>(json, kGroup, "std", where)) preprocess.std = *std;
  for (const double x : preprocess.std)
    if (!(x > 0)) throw Error(where + ": preprocess_cfg.std must be greater than 0");
  if (const auto interpolation = optional_value<std::string>(json, kGroup, "interpolation", where)) {
    if (*interpolation != "bicubic" && *interpolation != "bilinear")
      throw Error(where + ": preprocess_cfg.interpolation '" + *interpolation + "' is not supported (bicubic, bilinear)");
    preprocess.interpolation = *interpolation == "bilinear" ? Interpolation::kBilinear : Interpolation::kBicubic;
  }
  if (const auto mode = optional_value<std::string>(json, kGroup, "resize_mode", where)) {
    if (*mode != "squash" && *mode != "shortest")
      throw Error(where + ": preprocess_cfg.resize_mode '" + *mode + "' is not supported (shortest, squash)");
    preprocess.resize_mode = *mode == "squash" ? ResizeMode::kSquash : ResizeMode::kShortest;
  }
  return preprocess;
}

ordered_json to_json(const ModelDescription& description) {
  const ArchConfig& arch = description.arch.value();
  ordered_json json, record;
  json["model_cfg"] = ordered_json::parse(arch.to_json());
  json["preprocess_cfg"] = detail::preprocess_json(description.preprocess.value());
  record["arch"] = arch.name;
  record["activation"] = activation_name(arch);
  record["context_length"] = arch.text.context_length;
  if (!description.tokenizer.empty()) record["tokenizer"] = description.tokenizer;
  if (!description.tokenizer_sha256.empty()) record["tokenizer_sha256"] = description.tokenizer_sha256;
  const Provenance& origin = description.provenance;
  if (!origin.lora_base_sha256.empty()) record["lora_base_sha256"] = origin.lora_base_sha256;
  if (!origin.config_sha256.empty()) record["config_sha256"] = origin.config_sha256;
  if (!origin.averaged.empty()) record["averaged"] = origin.averaged;
  if (origin.step) record["step"] = *origin.step;
  json[kRecord] = record;
  return json;
}

ModelDescription from_json(const ordered_json& json, const std::string& name, const std::string& where) {
  if (!json.is_object() || !json.contains("model_cfg"))
    throw Error(where + " has no model_cfg; expected open_clip's {\"model_cfg\": ..., \"preprocess_cfg\": ...}");
  const ordered_json record = json.value(kRecord, ordered_json::object());
  if (!record.is_object()) throw Error(where + ": " + kRecord + " must be a map, got " + record.dump());
  const auto text = [&](const char* key) { return optional_value<std::string>(record, kRecord, key, where).value_or(""); };
  ModelDescription description;
  ArchConfig arch = ArchConfig::parse(json["model_cfg"].dump(), name, where);
  const std::string recorded = text("arch"), known = recorded.empty() ? known_name(arch) : recorded;
  if (!known.empty()) arch.name = known;
  const std::string activation = text("activation");
  if (!activation.empty() && activation != activation_name(arch))
    throw UsageError(where + " contradicts itself: model_cfg says " + activation_name(arch) + ", " + kRecord + ".activation " +
                     activation + "; correct the one that is wrong");
  description.preprocess = parse_preprocess(json.value("preprocess_cfg", ordered_json::object()), arch, where);
  description.arch = std::move(arch);
  description.tokenizer = text("tokenizer");
  description.tokenizer_sha256 = text("tokenizer_sha256");
  description.provenance.lora_base_sha256 = text("lora_base_sha256");
  description.provenance.config_sha256 = text("config_sha256");
  description.provenance.averaged = text("averaged");
  description.provenance.step = optional_value<int64_t>(record, kRecord, "step", where);
  return description;
}

ordered_json parse(const std::string& text, const std::string& where) {
  try {
    return ordered_json::parse(text);
  } catch (const nlohmann::json::exception& problem) {
    throw Error(where + " is not valid JSON: " + problem.what());
  }
}

}  // namespace

nlohmann::ordered_json detail::preprocess_json(const Preprocess& preprocess) {
  return {
      {"mean", preprocess.mean},
      {"std", preprocess.std},
      {"interpolation", preprocess.interpolation == Interpolation::kBicubic ? "bicubic" : "bilinear"},
      {"resize_mode", preprocess.resize_mode == ResizeMode::kShortest ? "shortest" : "squash"},
  };
}

std::string activation_name(const ArchConfig& arch) {
  if (arch.quick_gelu) return "quick_gelu";
  return arch.vision.gelu_tanh || arch.text.gelu_tanh ? "gelu_tanh" : "gelu";
}

std::string open_clip_config_json(const ModelDescription& description) { return to_json(description).dump(2) + "\n"; }

ModelDescription parse_open_clip_config(const std::string& json, const std::string& name, const std::string& where) {
  return from_json(parse(json, where), name, where);
}

std::map<std::string, std::string> description_metadata(const ModelDescription& description) {
  return {{"format", "pt"}, {kRecord, to_json(description).dump()}};
}

std::optional<ModelDescription> metadata_description(const std::map<std::string, std::string>& metadata, const std::string& name,
                                                     const std::string& where) {
  const auto it = metadata.find(kRecord);
  if (it == metadata.end()) return std::nullopt;
  return from_json(parse(it->second, where + "'s metadata"), name, where + "'s metadata");
}

std::string arch_differences(const ArchConfig& left, const ArchConfig& right) {
  if (left == right) return "";
  const auto a = nlohmann::json::parse(left.to_json()).flatten(), b = nlohmann::json::parse(right.to_json()).flatten();
  std::string text;
  const auto add = [&](const std::string& key, const std::string& mine, const std::string& other) {
    std::string name = key.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    text += (text.empty() ? "" : ", ") + name + " " + mine + " against " + other;
  };
  for (const auto& [key, value] : a.items())
    if (!b.contains(key))
      add(key, value.dump(), "the default");
    else if (b[key] != value)
      add(key, value.dump(), b[key].dump());
  for (const auto& [key, value] : b.items())
    if (!a.contains(key)) add(key, "the default", value.dump());
  return text;
}

std::string known_name(const ArchConfig& arch) {
  for (const auto& name : known_architectures())
    if (ArchConfig::load(name) == arch) return name;
  return "";
}

}  // namespace fsc
