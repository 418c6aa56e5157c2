// Weights from whatever file they are in: safetensors (single or sharded), PyTorch's zip format, TorchScript archives.
#pragma once
#include <filesystem>
#include <string>

#include "fsc/tensor/state_dict.h"

namespace fsc {

/// Where a file's tensors come from; names are what each tool wrote (mapping them is the area weights' job).
enum class FileKind {
  kSafetensors,  ///< one file, or a *.safetensors.index.json with its shards
  kTorchZip,     ///< torch.save of a dict: bare, or with the tensors under "state_dict" ("model_state_dict", "model", "module")
  kTorchScript,  ///< torch.jit.save, OpenAI's archives: the parameters and buffers of the module tree, '.'-joined
};

struct CheckpointFile {
  FileKind kind = FileKind::kSafetensors;
  /// Tensors on the CPU, in the file's order, memory-mapped (copy on write: writing to one never changes the file) where the
  /// file allows; views and tied tensors keep their strides and share their memory. A common prefix "module." (DataParallel's)
  /// or "_orig_mod." (torch.compile's) is stripped. metadata: safetensors' own; or the scalars beside the weights (epoch, name,
  /// ...); or a TorchScript archive's own numbers (OpenAI's input_resolution, context_length and vocab_size, which are no
  /// weights), with "activation": gelu or quick_gelu where it has modules of that class.
  StateDict state;
};

/// Told apart by content, not by name. Error names the file and the culprit; a pickle is never executed: a global it mentions
/// besides those of tensors and of a short list of harmless values (numpy's scalars, argparse.Namespace) is an error that
/// names it. Time and memory are bounded by the file's size, nothing is decompressed. The checksums of the tensors in use are
/// verified. The old non-zip format of torch.save is refused with the way to convert it, a git-lfs pointer with `git lfs pull`.
/// A file must not be shortened or overwritten in place while tensors of it are in use: the system ends a program that
/// reads a page which is gone (SIGBUS). Deleting or replacing it by a new one, as our writers do, is safe.
CheckpointFile read_checkpoint_file(const std::filesystem::path& path);

/// Whether the first bytes are those of a file read_checkpoint_file reads. Cheap.
bool is_checkpoint_file(const std::filesystem::path& path);

}  // namespace fsc
