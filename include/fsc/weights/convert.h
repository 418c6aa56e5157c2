// A checkpoint of any origin written as a folder that open_clip or transformers opens.
#pragma once
#include <cstdint>
#include <string>

namespace fsc {

enum class ModelFormat {
  kOpenClip,     ///< open_clip_model.safetensors, open_clip_config.json
  kHuggingFace,  ///< config.json, model.safetensors, preprocessor_config.json, tokenizer files
};
enum class WeightDtype { kKeep, kFp32, kFp16, kBf16 };

struct ConvertRequest {
  std::string input, arch;  ///< as for find_model
  ModelFormat format = ModelFormat::kOpenClip;
  std::string output;
  WeightDtype dtype = WeightDtype::kKeep;
  std::string tokenizer = "";   ///< SigLIP's sentencepiece model; "" = the one beside the input
  std::string check_file = "";  ///< where to keep the check's input and the written model's features; "" = nowhere
};

/// What the check at the end found: features of the same images and texts, computed from the input and from what was written.
struct ConvertReport {
  int64_t tensors = 0;
  double image_difference = 0, text_difference = 0;  ///< largest absolute difference of a normalised feature's component
  double bound = 0;                                  ///< what the number format may cost
};

/// Writes the folder `output` whole or not at all and checks it. UsageError: the folder holds files already, the
/// architecture is not known; Error: as load_model, a value that is too large for the number format, a model that the format
/// cannot express, features that differ by more than the bound (the folder is then removed).
ConvertReport convert_model(const ConvertRequest& request);

}  // namespace fsc
