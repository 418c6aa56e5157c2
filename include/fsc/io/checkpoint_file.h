// Weights from whatever file they are in: safetensors (single or sharded), PyTorch's zip format, TorchScript archives.
#pragma once
#include <filesystem>
#include <string>

#include "fsc/core/state_dict.h"

namespace fsc {

/// Where a file's tensors come from; names are what each tool wrote (mapping them is the area weights' job).
enum class FileKind {
  kSafetensors,   ///< one file, or a *.safetensors.index.json with its shards
  kTorchZip,      ///< torch.save of a dict: bare, or with the tensors under "state_dict"
  kTorchScript,   ///< torch.jit.save, OpenAI's archives: the parameters and buffers of the module tree, '.'-joined
};

struct CheckpointFile {
  FileKind kind = FileKind::kSafetensors;
  /// Tensors on the CPU, in the file's order, memory-mapped (copy on write) where the file allows. A common prefix
  /// "module." (DataParallel's) is stripped. metadata: safetensors' own, or the scalars beside a "state_dict" (epoch, name, ...).
  StateDict state;
};

/// Told apart by content, not by name. Error names the file and the culprit; a pickle is never executed: a global it needs
/// besides those of tensors is an error that names it. Time and memory are bounded by the file's size. The old non-zip
/// format of torch.save is refused with the way to convert it, a git-lfs pointer with `git lfs pull`.
CheckpointFile read_checkpoint_file(const std::filesystem::path& path);

/// Whether the first bytes are those of a file read_checkpoint_file reads. Cheap.
bool is_checkpoint_file(const std::filesystem::path& path);

}  // namespace fsc
