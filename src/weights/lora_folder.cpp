// LoRA's tensors out and in, tied to their base by its hash.
#include "fsc/weights/lora_folder.h"

#include <spdlog/spdlog.h>

#include <charconv>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "fsc/model/context_length.h"
#include "fsc/weights/state_hash.h"
#include "weights/detail_names.h"
#include "weights/detail_source.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr const char *kBase = "lora_base", *kSeed = "lora_base_seed", *kTargets = "lora_targets";
constexpr const char* kContext = "lora_base_context_length";

std::string text_of(const StateDict& state, const char* key) {
  const auto it = state.metadata.find(key);
  return it == state.metadata.end() ? "" : it->second;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

StateDict as_float32(const StateDict& state) {
  StateDict result;
  result.metadata = state.metadata;
  for (const auto& [name, tensor] : state.entries()) result.add(name, tensor.detach().to(torch::kFloat));
  return result;
}

std::string how_to_give_base(const fs::path& folder) {
  return "; give the base: fsc-model merge-lora " + folder.string() + " --base PATH --output DIR makes a plain model of both";
}

/// A base may be LoRA itself; one that leads back to itself must not be followed for ever.
class Nesting {
 public:
  explicit Nesting(const fs::path& path) {
    if (++depth_ > 8) {
      --depth_;
      throw Error(path.string() + ": its base is LoRA on LoRA without an end; the recorded bases are wrong");
    }
  }
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  static thread_local int depth_;
};
thread_local int Nesting::depth_ = 0;

/// The whole number that metadata hold under `key`; nullopt when they do not, or hold something else.
template <class T>
std::optional<T> number_of(const StateDict& state, const char* key) {
  const std::string text = text_of(state, key);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The weights of `base` in a model of the architecture that LoRA was trained in, by the way that training took: first in a
/// context of `base_context_length`, then in that of `arch`.
ClipModel open_base(const fs::path& base, const ArchConfig& arch, int64_t base_context_length) {
  ArchConfig first = arch;
  first.text.context_length = base_context_length;
  ClipModel model(first);
  StateDict state;
  if (is_lora(base)) {
    state = detail::open_model(base, "").state;
  } else {
    const fs::path weights = detail::find_files(base).weights;
    state = detail::fit_text_prefix(detail::to_open_clip_names(read_checkpoint_file(weights).state, weights.string()), arch);
  }
  std::vector<std::string> notes = load_state(*model, state, base.string());
  if (!(first == arch)) {
    ClipModel resized(arch);
    load_state(*resized, with_context_length(state_dict(*model), arch.text.context_length, notes), base.string());
    model = resized;
  }
  for (const auto& note : notes) spdlog::info("{}", note);
  return model;
}

ClipModel random_base(const ArchConfig& arch, std::optional<uint64_t> seed, const std::string& source) {
  if (!seed) throw Error(source + ": its metadata name neither a base nor a seed of random weights; the file is damaged");
  ClipModel model(arch);
  model->initialize(*seed);
  return model;
}

/// The model that LoRA was trained on, with `base` "" from its seed.
ClipModel base_of(const StateDict& lora, const std::string& base, const ArchConfig& arch, const std::string& source) {
  if (base.empty()) return random_base(arch, number_of<uint64_t>(lora, kSeed), source);
  if (!lora.metadata.contains(kContext)) return open_base(base, arch, arch.text.context_length);
  constexpr int64_t kLongest = 16384;  // of an architecture
  const int64_t length = number_of<int64_t>(lora, kContext).value_or(0);
  if (length < 1 || length > kLongest)
    throw Error(source + ": " + kContext + " in its metadata is no context length; the file is damaged");
  return open_base(base, arch, length);
}

}  // namespace

void write_model(const fs::path& folder, const ModelToSave& saved) {
  if (!saved.lora) return write_model_files(folder, *saved.model, saved.preprocess, saved.tokenizer, saved.provenance);
  Provenance provenance = saved.provenance;
  provenance.lora_base_sha256 = saved.lora->base_sha256;
  const ModelDescription description = describe(saved.model->arch(), saved.preprocess, saved.tokenizer, provenance);
  StateDict state = as_float32(lora_state(*saved.model));
  state.metadata.merge(description_metadata(description));
  state.metadata[kBase] = saved.lora->base;
  if (saved.lora->base.empty()) state.metadata[kSeed] = std::to_string(saved.lora->base_seed);
  const int64_t base_context = saved.lora->base_context_length;
  if (base_context > 0 && base_context != saved.model->arch().text.context_length)
    state.metadata[kContext] = std::to_string(base_context);
  state.metadata[kTargets] = joined(saved.lora->targets);
  write_safetensors(folder / kLoraFile, state);
  write_file_atomic(folder / kModelConfigFile, open_clip_config_json(description));
  if (!saved.tokenizer.empty()) write_file_atomic(folder / kSentencepieceFile, read_file(saved.tokenizer));
}

bool is_lora(const fs::path& path) {
  std::error_code error;
  if (path.filename() == kLoraFile) return fs::is_regular_file(path, error);
  return fs::is_regular_file(path / kLoraFile, error) && !fs::exists(path / kModelFile, error);
}

LoadedModel load_lora(const fs::path& path, const std::string& given_base) {
  const Nesting nesting(path);
  const detail::ModelFiles files = detail::find_files(path);
  const CheckpointFile file = read_checkpoint_file(files.weights);
  const std::string where = files.weights.string(), folder = files.weights.parent_path().string();
  const ModelSource source = find_model(path);
  const std::string recorded = text_of(file.state, kBase), base = given_base.empty() ? recorded : given_base;
  const std::string wanted = source.provenance.lora_base_sha256;
  if (wanted.empty())
    throw Error(where +
                ": its metadata do not tell the SHA-256 of its base; it is not a LoRA file of fsc-train, or it is damaged");
  std::error_code error;
  if (!base.empty() && !fs::exists(base, error)) {
    if (!given_base.empty()) throw Error("there is no base model at " + base);
    throw Error("the base that " + where + " was trained on is no longer at " + base + how_to_give_base(folder));
  }
  LoadedModel loaded{base_of(file.state, base, source.arch, where), source.preprocess, source.tokenizer};
  const std::string found = state_hash(state_dict(*loaded.model));
  if (found != wanted)
    throw Error((base.empty() ? "random weights of the recorded seed" : base) + " is not the base that " + where +
                " was trained on: its SHA-256 is " + found + ", " + wanted + " is recorded" + how_to_give_base(folder));
  add_lora(*loaded.model, file.state, where);
  return loaded;
}

void resume_lora(ClipModelImpl& model, const fs::path& folder, const LoraOrigin& origin) {
  const fs::path path = folder / kLoraFile;
  const std::string recorded = find_model(path).provenance.lora_base_sha256;
  if (recorded != origin.base_sha256)
    throw Error("model.pretrained is not the base that " + path.string() + " was trained on: its SHA-256 is " +
                origin.base_sha256 + ", " + recorded + " is recorded; set model.pretrained to that base");
  load_lora_state(model, read_safetensors(path), path.string());
}

}  // namespace fsc
