// Guards of the run folder and of a resumed run's config.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"
#include "fsc/core/error.h"
#include "train/detail_resume.h"

namespace fsc::detail {
namespace fs = std::filesystem;
namespace {

/// Keys that may differ: none of them reaches a weight, but for rounding (train.kernels). Paths may, because the table's
/// fingerprint is checked instead.
bool is_free_to_change(const std::string& key) {
  for (const char* prefix : {"output.", "slurm.", "data.workers", "data.prefetch", "data.max_bad_samples", "data.retries",
                             "data.timeout_seconds", "data.stall_seconds", "data.report_every_steps", "optim.max_skipped_steps",
                             "train.deterministic", "train.kernels", "train.verify_kernels", "distributed."})
    if (key.rfind(prefix, 0) == 0) return true;
  const bool of_source = key.rfind("data.train", 0) == 0;  // data.train.path, data.train[1].path
  return of_source && (key.ends_with(".path") || key.ends_with(".image_root"));
}

[[noreturn]] void refuse(const Checkpoint& checkpoint, const std::string& changes) {
  throw UsageError("cannot go on from " + checkpoint.folder.string() + ", these changes would change the result:" + changes +
                   "\nundo them, or start a new run with model.pretrained: " + checkpoint.folder.string() +
                   " and another output.dir");
}

/// 0: the lock is ours, or an errno.
int take_lock(int file) {
  int result;
  do result = ::flock(file, LOCK_EX | LOCK_NB);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

bool holds_run(const fs::path& path) {
  return fs::exists(path / "config.yaml") || fs::exists(path / "metrics.jsonl") || !list_checkpoints(path).empty();
}

}  // namespace

RunFolder::RunFolder(const fs::path& path, bool new_run) {
  if (fs::exists(path) && !fs::is_directory(path)) throw Error("output.dir = " + path.string() + " is a file; name a folder");
  if (new_run && holds_run(path))
    throw Error("output.dir = " + path.string() +
                " already holds a run; go on with it by --resume auto, or choose another output.dir");
  make_directories(path);
  const fs::path lock = path / ".lock";
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) throw_io_error(path, "write into", errno);
  const int problem = take_lock(lock_);
  if (problem == EWOULDBLOCK) {
    ::close(lock_);
    throw Error("another process is training in " + path.string() + "; wait for it or choose another output.dir");
  }
  if (problem != 0)  // some network file systems have no locks
    spdlog::warn(
        "the file system of {} gives no locks ({}): a second process that trains in this folder would not be noticed, so start "
        "only one",
        path.string(), std::strerror(problem));
  try {
    recover_replacements(path);
    recover_replacements(path / "checkpoints");
  } catch (...) {
    ::close(lock_);
    throw;
  }
}

RunFolder::~RunFolder() { ::close(lock_); }

std::optional<Checkpoint> checkpoint_to_resume(const RunConfig& config, const TrainOptions& options) {
  if (options.resume.empty()) return std::nullopt;
  if (options.resume == "auto") {
    auto checkpoint = find_checkpoint(config.output.dir);
    if (!checkpoint) spdlog::info("--resume auto: {} has no checkpoint yet, starting from the beginning", config.output.dir);
    return checkpoint;
  }
  if (!fs::is_directory(options.resume))
    throw Error("--resume " + options.resume + ": there is no such run or checkpoint folder");
  auto checkpoint = find_checkpoint(options.resume);
  if (!checkpoint) throw Error("--resume " + options.resume + ": the folder has no checkpoints/step_N to go on from");
  return checkpoint;
}

void check_same_config(const RunConfig& config, const Checkpoint& checkpoint) {
  RunConfig before;
  RunConfig now = config;
  config::Problems problems;
  config::read_yaml_text(config::fields_of(before), checkpoint.config_yaml, (checkpoint.folder / kStateFile).string(), problems);
  problems.raise("the config inside the checkpoint");
  std::string refused;
  for (const auto& change : config::diff(config::fields_of(before), config::fields_of(now))) {
    const std::string line = change.path + ": " + change.before + " -> " + change.after;
    const bool verified_base = config.model.lora.is_on() && change.path == "model.pretrained";  // by its hash
    if (is_free_to_change(change.path) || verified_base)
      spdlog::info("changed since the checkpoint: {}", line);
    else
      refused += "\n  " + line;
  }
  if (!refused.empty()) refuse(checkpoint, refused);
}

std::string config_hash(const RunConfig& config) {
  RunConfig standard, now = config;
  std::string text;
  for (const auto& change : config::diff(config::fields_of(standard), config::fields_of(now)))
    if (!is_free_to_change(change.path)) text += change.path + ": " + change.after.substr(change.after.rfind('/') + 1) + "\n";
  return sha256_hex(text);
}

void check_same_data(const RunConfig& config, const Checkpoint& checkpoint, const std::string& fingerprint) {
  if (checkpoint.data_fingerprint == fingerprint) return;
  refuse(checkpoint, "\n  the data " + config.data.name() + ": " + checkpoint.data_fingerprint + " -> " + fingerprint);
}

bool resumes_in_place(const fs::path& output, const std::string& resume) {
  if (resume == "auto") return true;
  const fs::path inside = fs::weakly_canonical(resume), outside = fs::weakly_canonical(output);
  return !resume.empty() && std::mismatch(outside.begin(), outside.end(), inside.begin(), inside.end()).first == outside.end();
}

}  // namespace fsc::detail
