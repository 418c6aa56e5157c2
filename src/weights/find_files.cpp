// Which files of a folder make up a model, by the names that open_clip and transformers look for.
#include <algorithm>
#include <cstdlib>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/weights/lora_folder.h"
#include "weights/detail_hf_config.h"
#include "weights/detail_source.h"

namespace fsc::detail {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHfConfig = "config.json";
constexpr const char* kPreprocessor = "preprocessor_config.json";
// Each in the order in which its own program prefers them.
constexpr const char* kOpenClipWeights[] = {"open_clip_model.safetensors", "open_clip_pytorch_model.safetensors",
                                            "open_clip_pytorch_model.bin", "open_clip_pytorch_model.pth"};
constexpr const char* kHfWeights[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                      "pytorch_model.bin.index.json"};
constexpr const char* kOtherWeights[] = {"pytorch_model.pth", "model.pth", kLoraFile};
constexpr const char* kTokenizers[] = {kSentencepieceFile, kGemmaFile, "sentencepiece.model"};

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

template <size_t N>
fs::path first_of(const fs::path& folder, const char* const (&names)[N]) {
  for (const char* name : names)
    if (is_file(folder / name)) return folder / name;
  return {};
}

template <size_t N>
bool is_one_of(const fs::path& path, const char* const (&names)[N]) {
  return std::any_of(std::begin(names), std::end(names), [&](const char* name) { return path.filename() == name; });
}

/// checkpoints/step_N with the greatest N, or "" when there is none.
fs::path newest_checkpoint(const fs::path& run) {
  fs::path newest;
  int64_t best = -1;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", error)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind("step_", 0) != 0 || !(is_file(entry.path() / kModelFile) || is_file(entry.path() / kLoraFile))) continue;
    const int64_t step = std::strtoll(name.c_str() + 5, nullptr, 10);
    if (step > best) best = step, newest = entry.path();
  }
  return newest;
}

[[noreturn]] void no_weights(const fs::path& folder) {
  const fs::path newest = newest_checkpoint(folder);
  const std::string missing = folder.string() + " holds no " + kModelFile;
  if (!newest.empty()) throw Error(missing + "; the run is not finished, its newest checkpoint is " + newest.string());
  throw Error(missing +
              (is_file(folder / kModelConfigFile) || is_file(folder / kHfConfig)
                   ? ", open_clip_model.safetensors, pytorch_model.bin or the like beside its config; fetch the weights too"
                   : "; is it a run folder that is not finished?"));
}

fs::path weights_of(const fs::path& folder, bool open_clip) {
  fs::path found = first_of(folder, kOpenClipWeights);
  // A hub repository may hold both forms; without open_clip's config its own files are only the second choice.
  if (found.empty() || !open_clip) {
    const fs::path other = first_of(folder, kHfWeights);
    if (!other.empty()) found = other;
  }
  if (found.empty()) found = first_of(folder, kOtherWeights);
  if (found.empty()) no_weights(folder);
  return found;
}

/// config.json when it is transformers'; one of another kind of model is an error.
fs::path hf_config(const fs::path& folder) {
  const fs::path path = folder / kHfConfig;
  if (!is_file(path)) return {};
  const std::string type = hf_model_type(read_file(path), path.string());
  if (type.empty()) return {};  // some other program's
  if (type != "clip" && type != "siglip")
    throw Error(path.string() + ": model_type is '" + type + "'; only CLIPModel ('clip') and SiglipModel ('siglip') can be read");
  return path;
}

}  // namespace

ModelFiles find_files(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error))
    throw Error("there is no checkpoint at " + path.string() +
                "; give a run folder, a checkpoint folder, a model folder of open_clip or Hugging Face, or a file of weights");
  ModelFiles files;
  const bool folder = fs::is_directory(path, error);
  const fs::path parent = folder ? path : path.parent_path();
  const bool in_folder =
      folder || is_one_of(path, kOpenClipWeights) || is_one_of(path, kHfWeights) || is_one_of(path, kOtherWeights);
  if (!in_folder) {
    files.weights = path;
    return files;
  }
  if (is_file(parent / kModelConfigFile))
    files.open_clip_config = parent / kModelConfigFile;
  else
    files.hf_config = hf_config(parent);
  if (!files.hf_config.empty() && is_file(parent / kPreprocessor)) files.preprocessor = parent / kPreprocessor;
  files.tokenizer = first_of(parent, kTokenizers);
  files.weights = folder ? weights_of(parent, !files.open_clip_config.empty()) : path;
  return files;
}

}  // namespace fsc::detail
