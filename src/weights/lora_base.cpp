// LoRA beside the weights of its base, which may be LoRA itself: the layers are listed down to a plain base, then built up from
// it.
#include <spdlog/spdlog.h>

#include <charconv>

#include "fsc/core/error.h"
#include "fsc/model/context_length.h"
#include "fsc/weights/lora_folder.h"
#include "fsc/weights/state_hash.h"
#include "weights/detail_lora_metadata.h"
#include "weights/detail_names.h"
#include "weights/detail_source.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostLayers = 8;           // recorded bases may lead back to themselves
constexpr int64_t kLongestContext = 16384;  // of an architecture

/// LoRA as it lies on disk, its base not yet opened.
struct LoraLayer {
  ModelSource source;
  StateDict branches;
  std::string base;                 ///< as given or recorded; "" = random weights
  int64_t base_context_length = 0;  ///< of the base before training gave it the model's

  std::string where() const { return source.weights.string(); }
};

std::string text_of(const StateDict& state, const char* key) {
  const auto it = state.metadata.find(key);
  return it == state.metadata.end() ? "" : it->second;
}

/// The whole number that metadata hold under `key`; nullopt when they do not, or hold something else.
template <class T>
std::optional<T> number_of(const StateDict& state, const char* key) {
  const std::string text = text_of(state, key);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string how_to_give_base(const LoraLayer& layer) {
  return "; give the base: fsc-model merge-lora " + layer.source.weights.parent_path().string() +
         " --base PATH --output DIR makes a plain model of both";
}

int64_t base_context_of(const LoraLayer& layer) {
  if (!layer.branches.metadata.contains(detail::kLoraContext)) return layer.source.arch.text.context_length;
  const int64_t length = number_of<int64_t>(layer.branches, detail::kLoraContext).value_or(0);
  if (length < 1 || length > kLongestContext)
    throw Error(layer.where() + ": " + detail::kLoraContext + " in its metadata is no context length; the file is damaged");
  return length;
}

LoraLayer read_layer(const fs::path& path, const std::string& given_base) {
  LoraLayer layer;
  layer.source = find_model(path);
  layer.branches = read_checkpoint_file(layer.source.weights).state;
  layer.base = given_base.empty() ? text_of(layer.branches, detail::kLoraBase) : given_base;
  if (layer.source.provenance.lora_base_sha256.empty())
    throw Error(layer.where() +
                ": its metadata do not tell the SHA-256 of its base; it is not a LoRA file of fsc-train, or it is damaged");
  if (layer.base.empty()) return layer;
  std::error_code error;
  if (!fs::exists(layer.base, error)) {
    if (!given_base.empty()) throw Error("there is no base model at " + layer.base);
    throw Error("the base that " + layer.where() + " was trained on is no longer at " + layer.base + how_to_give_base(layer));
  }
  layer.base_context_length = base_context_of(layer);
  return layer;
}

/// The layer at `path` and those it stands on, the uppermost first; the base of the last one is no LoRA.
std::vector<LoraLayer> layers_of(const fs::path& path, const std::string& given_base) {
  std::vector<LoraLayer> layers = {read_layer(path, given_base)};
  const auto is_on_lora = [&] {
    const std::string& base = layers.back().base;
    return !base.empty() && is_lora(detail::find_files(base).weights);
  };
  while (is_on_lora()) {
    const std::string next = layers.back().base;
    if (layers.size() == kMostLayers)
      throw Error(next + ": its base is LoRA on LoRA without an end; the recorded bases are wrong");
    layers.push_back(read_layer(next, ""));
  }
  return layers;
}

ClipModel random_base(const LoraLayer& layer) {
  const auto seed = number_of<uint64_t>(layer.branches, detail::kLoraSeed);
  if (!seed) throw Error(layer.where() + ": its metadata name neither a base nor a seed of random weights; the file is damaged");
  ClipModel model(layer.source.arch);
  model->initialize(*seed);
  return model;
}

/// The base's weights in a model of the architecture that LoRA was trained in, by the way that training took: first in the
/// base's own context length, then in that of the architecture.
ClipModel base_with(const StateDict& weights, const LoraLayer& layer) {
  const ArchConfig& arch = layer.source.arch;
  ArchConfig first = arch;
  first.text.context_length = layer.base_context_length;
  ClipModel model(first);
  std::vector<std::string> notes = load_state(*model, weights, layer.base);
  if (!(first == arch)) {
    ClipModel resized(arch);
    load_state(*resized, with_context_length(state_dict(*model), arch.text.context_length, notes), layer.base);
    model = resized;
  }
  for (const auto& note : notes) spdlog::info("{}", note);
  return model;
}

/// The base of the lowest layer.
ClipModel lowest_base(const LoraLayer& layer) {
  if (layer.base.empty()) return random_base(layer);
  const fs::path weights = detail::find_files(layer.base).weights;
  const StateDict state = detail::to_open_clip_names(read_checkpoint_file(weights).state, weights.string());
  return base_with(detail::fit_text_prefix(state, layer.source.arch), layer);
}

void check_base(const ClipModelImpl& base, const LoraLayer& layer) {
  const std::string found = state_hash(state_dict(base)), &wanted = layer.source.provenance.lora_base_sha256;
  if (found != wanted)
    throw Error((layer.base.empty() ? "random weights of the recorded seed" : layer.base) + " is not the base that " +
                layer.where() + " was trained on: its SHA-256 is " + found + ", " + wanted + " is recorded" +
                how_to_give_base(layer));
}

}  // namespace

LoadedModel load_lora(const fs::path& path, const std::string& base) {
  const std::vector<LoraLayer> layers = layers_of(path, base);
  LoadedModel loaded{layers.front().source, lowest_base(layers.back())};
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    if (layer != layers.rbegin()) {
      merge_lora(*loaded.model);
      loaded.model = base_with(state_dict(*loaded.model), *layer);
    }
    check_base(*loaded.model, *layer);
    add_lora(*loaded.model, layer->branches, layer->where());
  }
  return loaded;
}

}  // namespace fsc
