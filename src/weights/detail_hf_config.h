// transformers' config.json, preprocessor_config.json and tokenizer files beside what fsc calls them.
#pragma once
#include <filesystem>
#include <string>

#include "fsc/image/preprocess.h"
#include "fsc/model/arch_config.h"

namespace fsc::detail {

/// The model_type of a config.json, "" when it has none (a config.json of some other program).
std::string hf_model_type(const std::string& json, const std::string& where);

/// From the config.json of a CLIPModel or SiglipModel. Error names the field that is of another kind of model, of the wrong
/// type, or not supported.
ArchConfig parse_hf_config(const std::string& json, const std::string& name, const std::string& where);
/// `dtype`: of the weights, as torch calls it. Error names what the model cannot express.
std::string hf_config_json(const ArchConfig& arch, const std::string& dtype);

Preprocess parse_hf_preprocess(const std::string& json, const ArchConfig& arch, const std::string& where);
std::string hf_preprocess_json(const Preprocess& preprocess, const ArchConfig& arch);

/// Writes the tokenizer's files for transformers. `sentencepiece`: SigLIP's model file, copied; unused for CLIP's own BPE,
/// whose files are made from the asset.
void write_hf_tokenizer(const std::filesystem::path& folder, const ArchConfig& arch, const std::filesystem::path& sentencepiece);

}  // namespace fsc::detail
