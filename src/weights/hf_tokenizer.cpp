// The tokenizer files that transformers looks for beside a model.
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "fsc/core/assets.h"
#include "fsc/core/atomic_file.h"
#include "fsc/tokenize/tokenizer.h"
#include "fsc/weights/model_folder.h"
#include "weights/detail_hf_config.h"

namespace fsc::detail {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

void write_json(const fs::path& path, const ordered_json& json) { write_file_atomic(path, json.dump(2) + "\n"); }

void write_special_tokens(const fs::path& folder, const ordered_json& special, ordered_json config) {
  for (const auto& [key, value] : special.items()) config[key] = value;
  write_json(folder / "special_tokens_map.json", special);
  write_json(folder / "tokenizer_config.json", config);
}

void write_clip(const fs::path& folder, const ArchConfig& arch) {
  const ClipVocabulary vocabulary = read_clip_vocabulary(find_asset("bpe_simple_vocab_16e6.txt"));
  if (static_cast<int64_t>(vocabulary.tokens.size()) != arch.text.vocab_size) {
    spdlog::warn("no tokenizer files are written: the model has {} token embeddings, CLIP's vocabulary {} tokens",
                 arch.text.vocab_size, vocabulary.tokens.size());
    return;
  }
  std::string ids = "{";
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id)
    ids += (id ? ",\n" : "\n") + ordered_json(vocabulary.tokens[id]).dump() + ": " + std::to_string(id);
  write_file_atomic(folder / "vocab.json", ids + "\n}\n");
  std::string merges = "#version: 0.2\n";
  for (const auto& merge : vocabulary.merges) merges += merge + "\n";
  write_file_atomic(folder / "merges.txt", merges);
  const std::string end = vocabulary.tokens.back();
  write_special_tokens(folder,
                       {{"bos_token", vocabulary.tokens[vocabulary.tokens.size() - 2]},
                        {"eos_token", end},
                        {"pad_token", end},
                        {"unk_token", end}},
                       {{"tokenizer_class", "CLIPTokenizer"},
                        {"model_max_length", arch.text.context_length},
                        {"do_lower_case", true},
                        {"add_prefix_space", false},
                        {"errors", "replace"}});
}

/// SigLIP's are T5-like and pad with EOS; SigLIP2's are Gemma's, with a padding piece of their own.
void write_siglip(const fs::path& folder, const ArchConfig& arch, const fs::path& sentencepiece) {
  const auto tokenizer = load_sentencepiece_tokenizer(sentencepiece);
  const bool pads_with_eos = tokenizer->pad_id() == tokenizer->encode("", 1)[0];
  write_file_atomic(folder / (pads_with_eos ? kSentencepieceFile : kGemmaFile), read_file(sentencepiece));
  if (pads_with_eos) {
    write_special_tokens(
        folder, {{"eos_token", "</s>"}, {"pad_token", "</s>"}, {"unk_token", "<unk>"}},
        {{"tokenizer_class", "SiglipTokenizer"}, {"model_max_length", arch.text.context_length}, {"do_lower_case", true}});
  } else {
    write_special_tokens(folder, {{"bos_token", "<bos>"}, {"eos_token", "<eos>"}, {"pad_token", "<pad>"}, {"unk_token", "<unk>"}},
                         {{"tokenizer_class", "GemmaTokenizer"},
                          {"model_max_length", arch.text.context_length},
                          {"add_bos_token", false},
                          {"add_eos_token", true},
                          {"padding_side", "right"}});
  }
}

}  // namespace

void write_hf_tokenizer(const fs::path& folder, const ArchConfig& arch, const fs::path& sentencepiece) {
  if (arch.text.hf_tokenizer_name.empty()) return write_clip(folder, arch);
  if (sentencepiece.empty()) {
    spdlog::warn("no tokenizer files are written: the model came without its sentencepiece model");
    return;
  }
  write_siglip(folder, arch, sentencepiece);
}

}  // namespace fsc::detail
