// The files of a model on disk, what they say, and its tensors under open_clip's names.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/io/checkpoint_file.h"
#include "fsc/weights/model_folder.h"

namespace fsc::detail {

/// What lies where; empty paths where there is no such file.
struct ModelFiles {
  std::filesystem::path weights;  ///< a file or the index of shards
  std::filesystem::path open_clip_config, hf_config, preprocessor, tokenizer;
};
/// Error when `path` does not exist, holds no weights, or is a folder whose config.json is of another kind of model.
ModelFiles find_files(const std::filesystem::path& path);

/// Everything that is said about a model, put together.
struct Resolved {
  ModelDescription description;
  std::vector<std::string> problems = {};  ///< with `lenient`: what find_model would throw
};
/// `file`: what read_checkpoint_file gives for files.weights. Throws as find_model; with `lenient` what is not known stays out,
/// and only damaged files are errors.
Resolved resolve(const ModelFiles& files, const CheckpointFile& file, const std::string& arch, bool lenient = false);

/// `state` (to_open_clip_names) with the prefix "text." as `arch` wants it.
StateDict fit_text_prefix(StateDict state, const ArchConfig& arch);

/// Source and tensors in one go, nothing copied that can be mapped. `lean` as for to_open_clip_names.
struct OpenedModel {
  ModelSource source;
  StateDict state;  ///< open_clip's names
};
OpenedModel open_model(const std::filesystem::path& path, const std::string& arch, bool lean = false);

}  // namespace fsc::detail
