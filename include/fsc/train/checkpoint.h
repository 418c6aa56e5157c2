// checkpoints/step_N: everything a run needs to go on as if it had never stopped.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fsc/core/state_dict.h"
#include "fsc/image/preprocess.h"
#include "fsc/model/clip_model.h"

namespace fsc {

/// Where a run stands. Random streams need no state: they are functions of (seed, epoch, index).
struct TrainState {
  int64_t step = 0;   ///< optimizer steps done
  int64_t epoch = 0;  ///< 0-based
  int64_t draw = 0;   ///< place in the epoch's order of samples
  int64_t skipped_in_a_row = 0;
  int64_t skipped_total = 0;
};

/// One saved state, besides the model's files.
struct Checkpoint {
  std::filesystem::path folder;
  TrainState state;
  std::string config_yaml;
  std::string data_fingerprint;
};

/// Writes `run/checkpoints/step_N` atomically (model.safetensors, open_clip_config.json, optimizer.safetensors, state.json
/// with the SHA-256 of the others), then removes all but the newest `keep_last` (0 = keep all).
void save_checkpoint(const std::filesystem::path& run, const Checkpoint& checkpoint, const ClipModelImpl& model,
                     const Preprocess& preprocess, const StateDict& optimizer, int64_t keep_last);

/// Reads state.json and verifies the digests of the files beside it. Error names the damaged file.
Checkpoint open_checkpoint(const std::filesystem::path& folder);

/// step_N folders of a run, newest first.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& run);

/// The checkpoint to go on from. `where`: a run folder (newest whole checkpoint; damaged ones are skipped with a warning) or a step_N
/// folder (must be whole). nullopt for a run folder without checkpoints; Error when there are some and all are damaged.
std::optional<Checkpoint> find_checkpoint(const std::filesystem::path& where);

inline constexpr const char* kOptimizerFile = "optimizer.safetensors";
inline constexpr const char* kStateFile = "state.json";

}  // namespace fsc
