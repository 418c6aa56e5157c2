// What decides whether a new run may start in a folder, and whether an old one may go on.
#pragma once
#include <filesystem>
#include <optional>

#include "fsc/train/checkpoint.h"
#include "fsc/train/run_config.h"
#include "fsc/train/trainer.h"

namespace fsc::detail {

/// Holds the run folder for this process while it lives; a second trainer in the same folder gets an Error (on a file system
/// without locks nobody notices: one warning). What a killed process left is put back or cleared.
class RunFolder {
 public:
  /// Makes the folder. Error: not writable, used by another process, or holding another run (for a new one).
  RunFolder(const std::filesystem::path& path, bool new_run);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

 private:
  int lock_ = -1;
};

/// The checkpoint `--resume` names, or nullopt for a fresh start. Error: nothing to go on from, or all checkpoints damaged.
std::optional<Checkpoint> checkpoint_to_resume(const RunConfig& config, const TrainOptions& options);

/// Logs every key that changed since the checkpoint was written. UsageError when one of them would change the result.
void check_same_config(const RunConfig& config, const Checkpoint& checkpoint);

/// SHA-256 of the keys that differ from their defaults and decide the result; of a path only its last part counts, so that the
/// same run in another place records the same.
std::string config_hash(const RunConfig& config);

/// UsageError when the table is another one than the checkpoint's.
void check_same_data(const RunConfig& config, const Checkpoint& checkpoint, const std::string& fingerprint);

/// True when `resume` lies in the run folder `output`.
bool resumes_in_place(const std::filesystem::path& output, const std::string& resume);

}  // namespace fsc::detail
