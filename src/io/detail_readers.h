// The readers of single files behind read_checkpoint_file, one a format, and how formats are told apart.
#pragma once
#include "fsc/io/checkpoint_file.h"
#include "io/detail_input_file.h"

namespace fsc::detail {

enum class FileFormat {
  kSafetensors,
  kZip,    ///< torch.save or torch.jit.save
  kIndex,  ///< JSON: the list of shards
};

/// By the first bytes. Error for anything else, which is named where it is something people mistake for a model file, with
/// the way to convert it.
FileFormat file_format(const InputFile& file);

CheckpointFile read_torch_archive(const InputFile& file);

/// The tensors are mapped.
StateDict map_safetensors(const InputFile& file);

/// `read` is called for each shard's path. Error names the shard or the tensor when one is missing, not listed, or there twice.
CheckpointFile read_index(const InputFile& file, CheckpointFile (*read)(const std::filesystem::path&));

}  // namespace fsc::detail
