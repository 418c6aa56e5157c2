// One door for all model files: the format found by content, the common prefix of wrappers taken off.
#include "fsc/io/checkpoint_file.h"

#include <algorithm>

#include "fsc/core/error.h"
#include "io/detail_readers.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

// What DataParallel and torch.compile put before every name.
constexpr std::string_view kWrappers[] = {"module.", "_orig_mod."};

CheckpointFile read_as(detail::FileFormat format, const detail::InputFile& file) {
  if (format == detail::FileFormat::kZip) return detail::read_torch_archive(file);
  return {FileKind::kSafetensors, detail::map_safetensors(file)};
}

CheckpointFile read_shard(const fs::path& path) {
  const detail::InputFile file(path);
  const detail::FileFormat format = detail::file_format(file);
  if (format == detail::FileFormat::kIndex) throw Error(path.string() + " is an index itself, where a shard is needed");
  return read_as(format, file);
}

StateDict without_wrappers(StateDict state) {
  size_t cut = 0;
  const auto& entries = state.entries();
  for (bool found = !entries.empty(); found;) {
    found = false;
    for (const std::string_view wrapper : kWrappers) {
      if (!std::all_of(entries.begin(), entries.end(),
                       [&](const auto& e) { return e.first.compare(cut, wrapper.size(), wrapper) == 0; }))
        continue;
      cut += wrapper.size();
      found = true;
    }
  }
  if (cut == 0) return state;
  StateDict stripped;
  stripped.metadata = std::move(state.metadata);
  for (const auto& [name, tensor] : entries) stripped.add(name.substr(cut), tensor);
  return stripped;
}

}  // namespace

CheckpointFile read_checkpoint_file(const fs::path& path) {
  const detail::InputFile file(path);
  const detail::FileFormat format = detail::file_format(file);
  CheckpointFile read = format == detail::FileFormat::kIndex ? detail::read_index(file, read_shard) : read_as(format, file);
  read.state = without_wrappers(std::move(read.state));
  return read;
}

bool is_checkpoint_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return false;
  try {
    const detail::InputFile file(path);
    const std::string head = file.head(9);
    switch (detail::file_format(file)) {
      case detail::FileFormat::kZip:
        return true;
      case detail::FileFormat::kIndex:
        return path.string().ends_with(".index.json");
      case detail::FileFormat::kSafetensors:
        return head.size() == 9 && head[8] == '{';
    }
  } catch (const Error&) {  // unreadable, or something else
  }
  return false;
}

}  // namespace fsc
