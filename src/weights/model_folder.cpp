// Finds, reads and writes models in open_clip's hub format.
#include "fsc/weights/model_folder.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

using nlohmann::ordered_json;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// checkpoints/step_N with the greatest N, or "" when there is none.
fs::path newest_checkpoint(const fs::path& run) {
  fs::path newest;
  int64_t best = -1;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("step_", 0) != 0 || !is_file(entry.path() / kModelFile)) continue;
    const int64_t step = std::strtoll(name.c_str() + 5, nullptr, 10);
    if (step > best) best = step, newest = entry.path();
  }
  return newest;
}

/// The weights' file that `path` stands for.
fs::path find_weights(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error))
    throw Error("there is no checkpoint at " + path.string() + "; give a run folder, a checkpoint folder or a .safetensors file");
  if (fs::is_directory(path, error)) {
    if (is_file(path / kModelFile)) return path / kModelFile;
    const fs::path newest = newest_checkpoint(path);
    throw Error(path.string() + " holds no " + kModelFile +
                (newest.empty() ? "; is it a run folder that is not finished?"
                                : "; the run is not finished, its newest checkpoint is " + newest.string()));
  }
  if (path.extension() != ".safetensors")
    throw Error(path.string() +
                " is not a .safetensors file, the one format of weights that is read; save the model's state dict with "
                "open_clip's tensor names in that format");
  return path;
}

/// The value at `key` as T, or nothing when absent or null.
template <class T>
std::optional<T> optional_value(const ordered_json& map, const char* key, const std::string& where) {
  const auto it = map.find(key);
  if (it == map.end() || it->is_null()) return std::nullopt;
  try {
    return it->get<T>();
  } catch (const nlohmann::json::exception&) {
    throw Error(where + ": preprocess_cfg." + key + " has the wrong type: " + it->dump());
  }
}

/// open_clip's preprocess_cfg over the defaults. Like open_clip, the size is always the architecture's.
Preprocess parse_preprocess(const ordered_json& json, const ArchConfig& arch, const std::string& where) {
  Preprocess preprocess = default_preprocess(arch);
  if (!json.is_object()) throw Error(where + ": preprocess_cfg must be a map, got " + json.dump());
  using Triple = std::array<double, 3>;
  if (const auto mean = optional_value<Triple>(json, "mean", where)) preprocess.mean = *mean;
  if (const auto std = optional_value<Triple>(json, "std", where)) preprocess.std = *std;
  for (const double x : preprocess.std)
    if (!(x > 0)) throw Error(where + ": preprocess_cfg.std must be greater than 0");
  const std::string interpolation = optional_value<std::string>(json, "interpolation", where).value_or("bicubic");
  if (interpolation == "bilinear") preprocess.interpolation = Interpolation::kBilinear;
  else if (interpolation != "bicubic")
    throw Error(where + ": preprocess_cfg.interpolation '" + interpolation + "' is not supported (bicubic, bilinear)");
  const std::string mode = optional_value<std::string>(json, "resize_mode", where).value_or("shortest");
  if (mode == "squash") preprocess.resize_mode = ResizeMode::kSquash;
  else if (mode != "shortest")
    throw Error(where + ": preprocess_cfg.resize_mode '" + mode + "' is not supported (shortest, squash)");
  return preprocess;
}

/// "embed_dim: 512 against 768, ..." for the fields in which two architectures differ.
std::string differences(const ArchConfig& recorded, const ArchConfig& given) {
  const auto a = nlohmann::json::parse(recorded.to_json()).flatten(), b = nlohmann::json::parse(given.to_json()).flatten();
  std::string text;
  const auto add = [&](const std::string& key, const std::string& left, const std::string& right) {
    std::string name = key.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    text += (text.empty() ? "" : ", ") + name + " " + left + " against " + right;
  };
  for (const auto& [key, value] : a.items())
    if (!b.contains(key)) add(key, value.dump(), "the default");
    else if (b[key] != value) add(key, value.dump(), b[key].dump());
  for (const auto& [key, value] : b.items())
    if (!a.contains(key)) add(key, "the default", value.dump());
  return text;
}

void check_same(ArchConfig recorded, const ArchConfig& given, const std::string& where) {
  recorded.name = given.name;  // only the folder's fields are recorded, not what it was called
  if (recorded == given) return;
  throw UsageError("the architecture " + given.name + " contradicts " + where + ": " + differences(recorded, given) +
                   "; leave model.arch (fsc-train) or --arch (fsc-eval) out to use the recorded one");
}

}  // namespace

std::shared_ptr<const Tokenizer> load_tokenizer(const ArchConfig& arch, const fs::path& file) {
  if (!file.empty()) throw UsageError("the tokenizer " + file.string() + " is not read by this version");
  std::shared_ptr<const Tokenizer> tokenizer = load_clip_tokenizer(find_asset("bpe_simple_vocab_16e6.txt"));
  if (arch.text.vocab_size != tokenizer->vocab_size())
    throw UsageError("the model " + arch.name + " has " + std::to_string(arch.text.vocab_size) + " token embeddings, its tokenizer " +
                     std::to_string(tokenizer->vocab_size()) + " tokens; only models of CLIP's own vocabulary can be used");
  return tokenizer;
}

Preprocess default_preprocess(const ArchConfig& arch) {
  Preprocess preprocess;
  preprocess.size = arch.vision.image_size;
  return preprocess;
}

ModelSource find_model(const fs::path& path, const std::string& arch) {
  ModelSource source;
  source.weights = find_weights(path);
  std::error_code error;
  const bool in_folder = fs::is_directory(path, error) || path.filename() == kModelFile;
  const fs::path config = source.weights.parent_path() / kModelConfigFile;
  if (!in_folder || !is_file(config)) {
    if (arch.empty())
      throw UsageError("the architecture of " + source.weights.string() + " is not known: there is no " + kModelConfigFile +
                       " beside it; name it with --arch (such as ViT-B-32-quickgelu, or the path of a model-config JSON)");
    source.arch = ArchConfig::load(arch);
    source.preprocess = default_preprocess(source.arch);
    return source;
  }
  ordered_json json;
  try {
    json = ordered_json::parse(read_file(config));
  } catch (const nlohmann::json::exception& problem) {
    throw Error(config.string() + " is not valid JSON: " + problem.what());
  }
  if (!json.is_object() || !json.contains("model_cfg"))
    throw Error(config.string() + " has no model_cfg; expected open_clip's {\"model_cfg\": ..., \"preprocess_cfg\": ...}");
  source.arch =
      ArchConfig::parse(json["model_cfg"].dump(), fs::absolute(config).parent_path().filename().string(), config.string());
  if (!arch.empty()) check_same(source.arch, ArchConfig::load(arch), config.string());
  source.preprocess = parse_preprocess(json.value("preprocess_cfg", ordered_json::object()), source.arch, config.string());
  return source;
}

LoadedModel load_model(const fs::path& path, const std::string& arch) {
  const ModelSource source = find_model(path, arch);
  LoadedModel loaded{ClipModel(source.arch), source.preprocess, source.tokenizer};
  for (const auto& note : load_state(*loaded.model, read_safetensors(source.weights), source.weights.string()))
    spdlog::info("{}", note);
  return loaded;
}

std::string open_clip_config_json(const ArchConfig& arch, const Preprocess& preprocess) {
  ordered_json json;
  json["model_cfg"] = ordered_json::parse(arch.to_json());
  json["preprocess_cfg"] = {
      {"mean", preprocess.mean},
      {"std", preprocess.std},
      {"interpolation", preprocess.interpolation == Interpolation::kBicubic ? "bicubic" : "bilinear"},
      {"resize_mode", preprocess.resize_mode == ResizeMode::kShortest ? "shortest" : "squash"},
  };
  return json.dump(2) + "\n";
}

void write_model_files(const fs::path& folder, const ClipModelImpl& model, const Preprocess& preprocess) {
  const StateDict current = state_dict(model);
  StateDict weights;
  for (const auto& [name, tensor] : current.entries()) weights.add(name, tensor.detach().to(torch::kFloat));
  weights.metadata["format"] = "pt";  // Hugging Face's loaders ask for it
  write_safetensors(folder / kModelFile, weights);
  write_file_atomic(folder / kModelConfigFile, open_clip_config_json(model.arch(), preprocess));
}

}  // namespace fsc
