// checkpoints/step_N: everything a run needs to go on as if it had never stopped.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fsc/data/loader.h"
#include "fsc/tensor/state_dict.h"
#include "fsc/weights/lora_folder.h"

namespace fsc {

/// Where a run stands. Random streams need no state: they are functions of (seed, epoch, index).
struct TrainState {
  int64_t step = 0;  ///< optimizer steps done
  DataPlace data = {};
  int64_t skipped_in_a_row = 0;
  int64_t skipped_total = 0;
};

/// One saved state, besides the model's files.
struct Checkpoint {
  std::filesystem::path folder;
  TrainState state;
  std::string config_yaml;
  std::string data_fingerprint;
  std::string config_sha256 = {};                   ///< config_hash, recorded in the model's files
  std::string guard = {};                           ///< the forgetting guard's state, "" without
  std::vector<std::filesystem::path> damaged = {};  ///< newer ones that find_checkpoint passed over
};

/// Writes `run/checkpoints/step_N` atomically (write_model, optimizer.safetensors, ema.safetensors when there is an average,
/// state.json with the SHA-256 of the others), then removes all but the newest `keep_last` (0 = keep all) and those of
/// the steps `keep`. The model's provenance is the checkpoint's.
void save_checkpoint(const std::filesystem::path& run, const Checkpoint& checkpoint, ModelToSave model,
                     const StateDict& optimizer, int64_t keep_last, const StateDict& average = {},
                     const std::set<int64_t>& keep = {});

/// Removes the step_N of a run with N > step.
void remove_checkpoints_after(const std::filesystem::path& run, int64_t step);

/// Whether `folder` is one of the run's own checkpoints/step_N.
bool is_checkpoint_of(const std::filesystem::path& run, const std::filesystem::path& folder);

/// Before the first save of a run that goes on from `accepted`: renames the run's step_N that this run does not come from (N
/// above its step; all of them when `accepted` is not one of them), so that neither keep_last nor --resume auto meets them and
/// nobody deletes them. Damaged ones become step_N.damaged, the others go to checkpoints/left_at_step_M/ (M = the step gone on
/// from) with a copy of metrics.jsonl. Says so in the log.
void set_aside_others(const std::filesystem::path& run, const Checkpoint& accepted);

/// Reads state.json and verifies the digests of the files beside it. Error names the damaged file.
Checkpoint open_checkpoint(const std::filesystem::path& folder);

/// step_N folders of a run, newest first.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& run);

/// The checkpoint to go on from. `where`: a run folder (newest whole checkpoint; damaged ones are skipped with a warning) or a
/// step_N folder (must be whole). nullopt for a run folder without checkpoints; Error when there are some and all are damaged.
std::optional<Checkpoint> find_checkpoint(const std::filesystem::path& where);

inline constexpr const char* kOptimizerFile = "optimizer.safetensors";
inline constexpr const char* kAverageFile = "ema.safetensors";
inline constexpr const char* kStateFile = "state.json";

}  // namespace fsc
