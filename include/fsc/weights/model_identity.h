// What a model is besides its weights; everything that opens, holds or writes a model carries one.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "fsc/image/preprocess.h"
#include "fsc/model/arch_config.h"

namespace fsc {

/// Where a model comes from, as far as fsc-train and its kin know it.
struct Provenance {
  std::optional<int64_t> step = {};
  std::string config_sha256 = "";     ///< of the training config
  std::string lora_base_sha256 = "";  ///< state_hash of the model that LoRA was trained on
  std::string averaged = "";          ///< of which models these weights are an average, and how; "" = of none
};

struct ModelIdentity {
  ArchConfig arch = {};
  Preprocess preprocess = {};
  std::filesystem::path tokenizer = {};  ///< sentencepiece model; empty = CLIP's own vocabulary
  Provenance provenance = {};
};

}  // namespace fsc
