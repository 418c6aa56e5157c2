// Opens models of every origin and writes them in open_clip's hub format.
#include "fsc/weights/model_folder.h"

#include <spdlog/spdlog.h>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "fsc/weights/lora_folder.h"
#include "weights/detail_hf_config.h"
#include "weights/detail_names.h"
#include "weights/detail_source.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

ModelSource source_of(const detail::ModelFiles& files, ModelDescription description) {
  ModelSource source;
  source.arch = std::move(description.arch.value());
  source.preprocess = description.preprocess.value();
  if (description.tokenizer == kSentencepiece) source.tokenizer = files.tokenizer;
  source.provenance = std::move(description.provenance);
  source.weights = files.weights;
  return source;
}

}  // namespace

namespace detail {

StateDict fit_text_prefix(StateDict state, const ArchConfig& arch) {
  constexpr std::string_view kPrefix = "text.";
  const bool has = state.find("text.token_embedding.weight") != nullptr;
  if (has == arch.custom_text) return state;
  StateDict renamed;
  renamed.metadata = std::move(state.metadata);
  for (const auto& [name, tensor] : state.entries()) {
    const bool shared = name.starts_with("visual.") || name == "logit_scale" || name == "logit_bias";
    if (has && name.starts_with(kPrefix))
      renamed.add(name.substr(kPrefix.size()), tensor);
    else
      renamed.add(has || shared ? name : std::string(kPrefix) + name, tensor);
  }
  return renamed;
}

OpenedModel open_model(const fs::path& path, const std::string& arch, bool lean) {
  const ModelFiles files = find_files(path);
  const CheckpointFile file = read_checkpoint_file(files.weights);
  OpenedModel opened{source_of(files, resolve(files, file, arch).description), {}};
  if (is_lora(files.weights)) {
    LoadedModel with_lora = load_lora(path);
    merge_lora(*with_lora.model);
    opened.state = state_dict(*with_lora.model);
    return opened;
  }
  opened.state = fit_text_prefix(to_open_clip_names(file.state, files.weights.string(), lean), opened.source.arch);
  return opened;
}

}  // namespace detail

namespace {

/// text_cfg.tokenizer_kwargs.clean; open_clip's default for such tokenizers is whitespace.
TextClean clean_of(const TextConfig& text) {
  if (text.tokenizer_clean == "canonicalize") return TextClean::kCanonicalize;
  return text.tokenizer_clean == "lower" ? TextClean::kLower : TextClean::kWhitespace;
}

}  // namespace

std::shared_ptr<const Tokenizer> load_tokenizer(const ArchConfig& arch, const fs::path& file) {
  std::shared_ptr<const Tokenizer> tokenizer;
  if (arch.text.hf_tokenizer_name.empty()) {
    if (!file.empty())
      throw UsageError("the model " + arch.name + " has CLIP's own tokenizer, it cannot take " + file.string() +
                       "; leave model.tokenizer or --tokenizer out");
    tokenizer = load_clip_tokenizer(find_asset("bpe_simple_vocab_16e6.txt"));
  } else {
    if (file.empty())
      throw UsageError("the model " + arch.name +
                       " needs a sentencepiece model, and none lies beside its weights; name its file with model.tokenizer "
                       "(fsc-train) or --tokenizer (fsc-eval), or put it there as " +
                       kSentencepieceFile + "; " + arch.text.hf_tokenizer_name +
                       " on the Hugging Face hub has it (spiece.model or tokenizer.model)");
    tokenizer = load_sentencepiece_tokenizer(file, clean_of(arch.text));
  }
  if (arch.text.vocab_size != tokenizer->vocab_size())
    throw UsageError("the model " + arch.name + " has " + std::to_string(arch.text.vocab_size) +
                     " token embeddings, its tokenizer " + (file.empty() ? "" : file.string() + " ") +
                     std::to_string(tokenizer->vocab_size()) + " tokens; a model can be used with its own tokenizer only");
  return tokenizer;
}

Preprocess default_preprocess(const ArchConfig& arch) {
  Preprocess preprocess;
  preprocess.size = arch.vision.image_size;
  if (arch.vision.siglip) {
    preprocess.mean = preprocess.std = {0.5, 0.5, 0.5};
    preprocess.resize_mode = ResizeMode::kSquash;
  }
  return preprocess;
}

ModelSource find_model(const fs::path& path, const std::string& arch) {
  const detail::ModelFiles files = detail::find_files(path);
  return source_of(files, detail::resolve(files, read_checkpoint_file(files.weights), arch).description);
}

LoadedModel load_model(const fs::path& path, const std::string& arch) {
  const detail::OpenedModel opened = detail::open_model(path, arch);
  const ModelSource& source = opened.source;
  const UninitializedWeights all_are_loaded;
  LoadedModel loaded{source, ClipModel(source.arch)};
  for (const auto& note : load_state(*loaded.model, opened.state, source.weights.string())) spdlog::info("{}", note);
  return loaded;
}

ModelDescription describe(const ModelIdentity& identity) {
  ModelDescription description;
  description.arch = identity.arch;
  description.preprocess = identity.preprocess;
  description.provenance = identity.provenance;
  const bool own = identity.arch.text.hf_tokenizer_name.empty();
  description.tokenizer = own ? kClipTokenizer : kSentencepiece;
  if (!own && !identity.tokenizer.empty()) description.tokenizer_sha256 = sha256_file(identity.tokenizer);
  if (own) {
    try {
      description.tokenizer_sha256 = sha256_file(find_asset("bpe_simple_vocab_16e6.txt"));
    } catch (const Error&) {  // a model can be written where nothing can be tokenized
    }
  }
  return description;
}

void write_model_files(const fs::path& folder, const ModelIdentity& identity, const ClipModelImpl& model) {
  TORCH_CHECK(identity.arch == model.arch(), "the identity is another model's");
  const ModelDescription description = describe(identity);
  const StateDict current = state_dict(model);
  StateDict weights;
  for (const auto& [name, tensor] : current.entries()) weights.add(name, tensor.detach().to(torch::kFloat));
  weights.metadata = description_metadata(description);
  write_safetensors(folder / kModelFile, weights);
  write_file_atomic(folder / kModelConfigFile, open_clip_config_json(description));
  if (!identity.tokenizer.empty()) detail::write_hf_tokenizer(folder, identity.arch, identity.tokenizer);
}

}  // namespace fsc
