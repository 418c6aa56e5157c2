// Eight bytes of header length, a JSON header, then the tensors: read with bounds checked first, written deterministically.
#include "fsc/io/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "io/detail_input_file.h"
#include "io/detail_readers.h"
#include "io/detail_safetensors_header.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

using detail::InputFile;

constexpr uint64_t kMaxHeader = 8 << 20;  // a model of 50,000 tensors needs less
constexpr size_t kLengthBytes = 8;

struct OpenedHeader {
  detail::SafetensorsHeader header;
  uint64_t data_start = 0;
};

OpenedHeader open_header(const InputFile& file) {
  const std::string where = file.name();
  if (file.size() > 0 && detail::file_format(file) != detail::FileFormat::kSafetensors)
    throw Error(where +
                " is a PyTorch file or a JSON, and a safetensors file is needed here; convert it once with `fsc-model convert`");
  const std::string head = file.head(kLengthBytes);
  if (head.size() < kLengthBytes) {
    throw Error(where + ": " + std::to_string(head.size()) +
                " bytes are too few for a safetensors file; the file is truncated, get it again");
  }
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<unsigned char>(head[i]);
  if (length > kMaxHeader) {
    throw Error(where + ": a header of " + std::to_string(length) + " bytes is announced, at most " + std::to_string(kMaxHeader) +
                " are allowed; this is no safetensors file, or it is damaged");
  }
  if (length > file.size() - kLengthBytes) {
    throw Error(where + ": a header of " + std::to_string(length) + " bytes is announced, the file has " +
                std::to_string(file.size()) + " bytes in all; the file is truncated, get it again");
  }
  const std::string text = file.bytes(kLengthBytes, length);
  const uint64_t data_start = kLengthBytes + length;
  return {detail::parse_safetensors_header(text, file.size() - data_start, where), data_start};
}

torch::Tensor read_tensor(const InputFile& file, const detail::HeaderEntry& entry, uint64_t data_start) {
  torch::Tensor tensor = torch::empty(entry.shape, torch::dtype(entry.dtype));
  file.read(tensor.data_ptr(), data_start + entry.begin, entry.end - entry.begin);
  return tensor;
}

/// Every tensor of the file, made by `tensor_of(entry, data_start)`.
template <class F>
StateDict state_of(const InputFile& file, F tensor_of) {
  OpenedHeader opened = open_header(file);
  StateDict state;
  state.metadata = std::move(opened.header.metadata);
  for (const auto& entry : opened.header.entries) {
    torch::Tensor tensor = tensor_of(entry, opened.data_start);
    if (entry.dtype == torch::kBool && !tensor.is_meta())
      detail::check_bool_bytes({static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()}, file.name(), entry.name);
    state.add(entry.name, std::move(tensor));
  }
  return state;
}

}  // namespace

const char* safetensors_dtype_name(torch::ScalarType dtype) {
  for (const auto& known : detail::safetensors_dtypes()) {
    if (known.dtype == dtype) return known.name;
  }
  return nullptr;
}

StateDict read_safetensors(const fs::path& path) {
  const InputFile file(path);
  return state_of(file, [&](const auto& entry, uint64_t data_start) { return read_tensor(file, entry, data_start); });
}

StateDict read_safetensors_header(const fs::path& path) {
  return state_of(InputFile(path), [](const auto& entry, uint64_t) {
    return torch::empty(entry.shape, torch::dtype(entry.dtype).device(torch::kMeta));
  });
}

StateDict detail::map_safetensors(const InputFile& file) {
  const auto mapping = file.map();
  return state_of(file, [&](const auto& entry, uint64_t data_start) {
    const uint64_t elements = (entry.end - entry.begin) / c10::elementSize(entry.dtype);
    return detail::mapped_tensor(mapping, data_start + entry.begin, elements, entry.shape, c10::contiguous_strides(entry.shape),
                                 entry.dtype);
  });
}

void write_safetensors(const fs::path& path, const StateDict& state) {
  const auto& entries = state.entries();
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return entries[a].second.element_size() > entries[b].second.element_size(); });
  std::vector<uint64_t> begin(entries.size());
  uint64_t data_size = 0;
  for (const size_t i : order) {
    begin[i] = data_size;
    data_size += entries[i].second.nbytes();
  }

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!state.metadata.empty()) header["__metadata__"] = state.metadata;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto& [name, tensor] = entries[i];
    TORCH_CHECK(name != "__metadata__", "__metadata__ is reserved by the safetensors format");
    nlohmann::ordered_json& field = header[name];
    const char* dtype = safetensors_dtype_name(tensor.scalar_type());
    TORCH_CHECK(dtype, "tensor ", name, " has dtype ", tensor.scalar_type(), ", which safetensors cannot hold");
    field["dtype"] = dtype;
    field["shape"] = tensor.sizes().vec();
    field["data_offsets"] = {begin[i], begin[i] + tensor.nbytes()};
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data start at a multiple of eight bytes
  TORCH_CHECK(text.size() <= kMaxHeader, "a safetensors header of ", text.size(), " bytes is too long");

  std::string length;
  for (size_t i = 0; i < kLengthBytes; ++i) length += static_cast<char>(text.size() >> (8 * i) & 0xFF);
  std::vector<std::string_view> pieces = {length, text};
  std::vector<torch::Tensor> tensors;  // the file is written from the tensors' own memory
  for (const size_t i : order) {
    tensors.push_back(entries[i].second.detach().to(torch::kCPU).contiguous());
    pieces.emplace_back(static_cast<const char*>(tensors.back().data_ptr()), tensors.back().nbytes());
  }
  write_file_atomic(path, pieces);
}

}  // namespace fsc
