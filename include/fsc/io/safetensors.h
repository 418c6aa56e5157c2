// safetensors files, read with every field of the header checked and written atomically.
#pragma once
#include <filesystem>

#include "fsc/core/state_dict.h"

namespace fsc {

/// Reads a file (memory-mapped; tensors own copies). Error names the file and the culprit: header length, JSON, dtype,
/// shape, overlapping / negative / out-of-range offsets, truncated data. Bounded time and memory on hostile input.
StateDict read_safetensors(const std::filesystem::path& path);

/// Header only: names, dtypes, shapes (tensors on the meta device), metadata. Cheap.
StateDict read_safetensors_header(const std::filesystem::path& path);

/// Writes in the order of `state`; contiguous CPU copies are made as needed. Atomic.
void write_safetensors(const std::filesystem::path& path, const StateDict& state);

}  // namespace fsc
