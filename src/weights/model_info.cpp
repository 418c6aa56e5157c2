// Looks at every tensor of a checkpoint and writes what was found as text or JSON.
#include "fsc/weights/model_info.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "fsc/core/error.h"
#include "fsc/core/log.h"
#include "fsc/io/safetensors.h"
#include "fsc/weights/lora_folder.h"
#include "weights/detail_lora_metadata.h"
#include "weights/detail_names.h"
#include "weights/detail_preprocess.h"
#include "weights/detail_source.h"

namespace fsc {
namespace {

using nlohmann::ordered_json;
using torch::Tensor;

std::string dtype_name(const Tensor& tensor) {
  const char* name = safetensors_dtype_name(tensor.scalar_type());
  return name ? name : torch::toString(tensor.scalar_type());
}

TensorInfo look_at(const std::string& name, const Tensor& tensor) {
  TensorInfo info;
  info.name = name;
  info.shape = tensor.sizes().vec();
  info.dtype = dtype_name(tensor);
  if (tensor.numel() == 0) return info;
  const Tensor values = tensor.to(torch::kFloat64);
  info.norm = values.norm().item<double>();
  if (std::isfinite(info.norm) || !tensor.is_floating_point()) return info;
  info.nan = at::isnan(values).sum().item<int64_t>();
  info.inf = at::isinf(values).sum().item<int64_t>();
  info.norm = at::where(at::isfinite(values), values, 0.0).norm().item<double>();
  return info;
}

std::string kind_of(const detail::ModelFiles& files, const CheckpointFile& file,
                    const std::map<std::string, std::string>& metadata) {
  const bool index = files.weights.extension() == ".json";
  const std::string format = std::string(index ? "sharded " : "") + (file.kind == FileKind::kSafetensors   ? "safetensors"
                                                                     : file.kind == FileKind::kTorchScript ? "TorchScript archive"
                                                                                                           : "PyTorch zip file");
  const bool ours = metadata.contains("fsc");
  if (!files.open_clip_config.empty())
    return std::string(ours ? "folder written by fsc" : "open_clip folder") + " (" + format + ")";
  if (!files.hf_config.empty()) return "Hugging Face folder (" + format + ")";
  return std::string(ours ? "bare file written by fsc" : "bare file") + " (" + format + ")";
}

ordered_json text_or_null(const std::string& text) { return text.empty() ? ordered_json() : ordered_json(text); }

std::string printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

void row(std::string& text, const char* title, const std::string& value) {
  if (value.empty()) return;
  std::string line = title;
  line.resize(16, ' ');
  text += line + value + "\n";
}

std::string triple(const std::array<double, 3>& values) {
  return printed("%.6g", values[0]) + " " + printed("%.6g", values[1]) + " " + printed("%.6g", values[2]);
}

void describe_rows(const ModelDescription& d, std::string& text) {
  if (d.arch) {
    const VisionConfig& v = d.arch->vision;
    const TextConfig& t = d.arch->text;
    row(text, "architecture", d.activation_known ? d.arch->name : "not known, see below");
    row(text, "activation", d.activation_known ? activation_name(*d.arch) : "not known: gelu or quick_gelu");
    std::ostringstream image, words;
    image << v.image_size << " pixels in patches of " << v.patch_size << ", width " << v.width << ", " << v.layers << " blocks";
    words << "context length " << t.context_length << ", vocabulary " << t.vocab_size << ", width " << t.width << ", " << t.layers
          << " blocks";
    if (d.activation_known) image << ", " << v.heads() << " heads", words << ", " << t.heads << " heads";
    row(text, "image tower", image.str());
    row(text, "text tower", words.str());
    row(text, "embedding", std::to_string(d.arch->embed_dim) + " dimensions");
  }
  if (d.preprocess) {
    row(text, "preprocessing", d.preprocess_known ? "as recorded" : "recorded nowhere; what such models usually take:");
    row(text, "mean", triple(d.preprocess->mean));
    row(text, "std", triple(d.preprocess->std));
    row(text, "resize",
        std::string(d.preprocess->interpolation == Interpolation::kBicubic ? "bicubic" : "bilinear") + ", " +
            (d.preprocess->resize_mode == ResizeMode::kShortest ? "shortest side, then centre crop" : "squashed to a square"));
  }
  row(text, "tokenizer", d.tokenizer + (d.tokenizer_sha256.empty() ? "" : ", SHA-256 " + d.tokenizer_sha256));
  row(text, "LoRA's base", d.provenance.lora_base_sha256);
  row(text, "average of", d.provenance.averaged);
  row(text, "config", d.provenance.config_sha256.empty() ? "" : "SHA-256 " + d.provenance.config_sha256);
  row(text, "step", d.provenance.step ? std::to_string(*d.provenance.step) : "");
}

std::string lora_text(const std::map<std::string, std::string>& metadata) {
  const auto at = [&](const char* key) { return metadata.count(key) ? metadata.at(key) : std::string("?"); };
  const std::string base = at(detail::kLoraBase);
  return "LoRA of rank " + at("lora_rank") + ", alpha " + at("lora_alpha") + ", on " + (base.empty() ? "random weights" : base);
}

}  // namespace

ModelInfo inspect_model(const std::filesystem::path& path) {
  const detail::ModelFiles files = detail::find_files(path);
  const CheckpointFile file = read_checkpoint_file(files.weights);
  ModelInfo info;
  info.path = path;
  info.weights = files.weights;
  info.metadata = file.state.metadata;
  info.kind = kind_of(files, file, info.metadata);
  info.names = is_lora(files.weights) ? lora_text(info.metadata) : detail::style_text(detail::name_style(file.state));
  try {
    detail::Resolved resolved = detail::resolve(files, file, "", /*lenient=*/true);
    info.description = std::move(resolved.description);
    info.missing = std::move(resolved.problems);
  } catch (const Error& error) {  // a foreign model, a damaged config: the tensors are still worth a look
    info.missing.push_back(error.what());
  }
  for (const auto& [name, tensor] : file.state.entries()) {
    info.tensors.push_back(look_at(name, tensor));
    if (tensor.is_floating_point()) info.parameters += tensor.numel();
    info.not_finite += info.tensors.back().nan + info.tensors.back().inf;
  }
  return info;
}

std::string info_text(const ModelInfo& info) {
  std::string text;
  row(text, "path", info.path.string());
  row(text, "weights", info.weights == info.path ? "" : info.weights.string());
  row(text, "kind", info.kind);
  row(text, "tensor names", info.names.empty() ? "of no model that fsc knows" : info.names);
  describe_rows(info.description, text);
  row(text, "parameters", std::to_string(info.parameters) + " in " + std::to_string(info.tensors.size()) + " tensors");
  row(text, "NaN or Inf",
      info.not_finite == 0 ? "none" : std::to_string(info.not_finite) + " VALUES ARE NOT FINITE, the checkpoint is of no use");
  for (const auto& missing : info.missing) row(text, "problem", missing);
  size_t width = 4;
  for (const auto& tensor : info.tensors) width = std::max(width, tensor.name.size());
  text += "\n";
  for (const auto& tensor : info.tensors) {
    std::string line = tensor.name;
    line.resize(width + 2, ' ');
    line += shape_text(tensor.shape);
    line.resize(std::max(line.size() + 2, width + 2 + 18), ' ');
    line += tensor.dtype;
    line.resize(std::max(line.size() + 1, width + 2 + 24), ' ');
    line += "norm " + printed("%.6g", tensor.norm);
    if (tensor.nan + tensor.inf > 0) line += "  " + std::to_string(tensor.nan) + " NaN, " + std::to_string(tensor.inf) + " INF";
    text += line + "\n";
  }
  return text;
}

std::string info_json(const ModelInfo& info) {
  const ModelDescription& d = info.description;
  ordered_json json = {
      {"path", info.path.string()}, {"weights", info.weights.string()}, {"kind", info.kind}, {"names", text_or_null(info.names)}};
  json["arch"] = d.arch && d.activation_known ? text_or_null(d.arch->name) : ordered_json();
  json["activation"] = d.arch && d.activation_known ? ordered_json(activation_name(*d.arch)) : ordered_json();
  json["model_cfg"] = d.arch ? ordered_json::parse(d.arch->to_json()) : ordered_json();
  json["context_length"] = d.arch ? ordered_json(d.arch->text.context_length) : ordered_json();
  json["preprocess"] = ordered_json();
  if (d.preprocess) {
    json["preprocess"]["size"] = d.preprocess->size;
    json["preprocess"].update(detail::preprocess_json(*d.preprocess));
  }
  json["preprocess_recorded"] = d.preprocess && d.preprocess_known;
  json["tokenizer"] = text_or_null(d.tokenizer);
  json["tokenizer_sha256"] = text_or_null(d.tokenizer_sha256);
  json["lora_base_sha256"] = text_or_null(d.provenance.lora_base_sha256);
  json["config_sha256"] = text_or_null(d.provenance.config_sha256);
  json["averaged"] = text_or_null(d.provenance.averaged);
  json["step"] = d.provenance.step ? ordered_json(*d.provenance.step) : ordered_json();
  json["parameters"] = info.parameters;
  json["not_finite"] = info.not_finite;
  json["problems"] = info.missing;
  json["metadata"] = info.metadata;
  json["tensors"] = ordered_json::array();
  for (const auto& tensor : info.tensors)
    json["tensors"].push_back({{"name", tensor.name},
                               {"shape", tensor.shape},
                               {"dtype", tensor.dtype},
                               {"norm", tensor.norm},
                               {"nan", tensor.nan},
                               {"inf", tensor.inf}});
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace fsc
