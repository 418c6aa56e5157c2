// safetensors files, read with every field of the header checked and written atomically.
#pragma once
#include <filesystem>

#include "fsc/tensor/state_dict.h"

namespace fsc {

/// Reads a file; the tensors own their memory, in the order of the header. Error names the file and the culprit: header
/// length, JSON, dtype, shape, duplicate names, overlapping / negative / out-of-range offsets, holes, truncated data; another
/// format is refused (read_checkpoint_file reads PyTorch's, and maps instead of reading). Time and memory are bounded by the
/// file's size. Dtypes: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL.
StateDict read_safetensors(const std::filesystem::path& path);

/// Header only, checked in the same way: names, dtypes, shapes (tensors on the meta device), metadata. Cheap.
StateDict read_safetensors_header(const std::filesystem::path& path);

/// The format's name of a dtype ("F32", "BF16", ...), nullptr for one that it cannot hold.
const char* safetensors_dtype_name(torch::ScalarType dtype);

/// Writes atomically; the same state gives the same bytes. The header keeps the order of `state`; the data lie by falling
/// element size, so that every tensor is aligned. Tensors are copied to the CPU as needed.
void write_safetensors(const std::filesystem::path& path, const StateDict& state);

}  // namespace fsc
