// Eight bytes of header length, a JSON header, then the tensors: read with bounds checked first, written deterministically.
#include "fsc/io/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "io/detail_safetensors_header.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the limit of the format's own library
constexpr size_t kLengthBytes = 8;

/// An open regular file, read at explicit positions.
class InputFile {
 public:
  explicit InputFile(const fs::path& path) : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) throw_io_error(path, "read", errno);
    struct stat status {};
    const bool ok = ::fstat(fd_, &status) == 0;
    if (!ok || !S_ISREG(status.st_mode)) {
      const int error_number = errno;
      ::close(fd_);
      if (!ok) throw_io_error(path, "read", error_number);
      throw Error("cannot read " + path.string() + ": it is not a file; give the path of a .safetensors file");
    }
    size_ = static_cast<uint64_t>(status.st_size);
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  uint64_t size() const { return size_; }

  void read(void* target, uint64_t position, uint64_t count) const {
    for (uint64_t done = 0; done < count;) {
      const ssize_t n = ::pread(fd_, static_cast<char*>(target) + done, count - done, static_cast<off_t>(position + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_io_error(path_, "read", errno);
      if (n == 0) throw Error("cannot read " + path_.string() + ": it became shorter while it was read");
      done += static_cast<uint64_t>(n);
    }
  }

 private:
  const fs::path& path_;
  int fd_;
  uint64_t size_ = 0;
};

/// Files people mistake for safetensors; each gets told apart by its first bytes.
void refuse_other_formats(const std::string& head, const std::string& where) {
  if (head.size() > kLengthBytes && head[kLengthBytes] == '{') return;  // a header length can look like the magic of a pickle
  const auto starts = [&](std::string_view magic) { return head.compare(0, magic.size(), magic) == 0; };
  if (starts("PK\x03\x04") || starts("\x80\x02") || starts("\x80\x03") || starts("\x80\x04")) {
    throw Error(where +
                " is a PyTorch pickle or TorchScript file; this version reads safetensors only. Convert it once, with open_clip"
                " installed: python -c \"import open_clip, safetensors.torch as s; s.save_file(open_clip.create_model('ARCH', "
                "pretrained='" +
                where +
                "').state_dict(), 'model.safetensors')\" where ARCH is the architecture's name, e.g. ViT-B-32-quickgelu");
  }
  if (starts("version https://git-lfs")) {
    throw Error(where + " is a git-lfs pointer, not the model itself; fetch the content with `git lfs pull`");
  }
}

struct OpenedHeader {
  detail::SafetensorsHeader header;
  uint64_t data_start = 0;
};

OpenedHeader open_header(const InputFile& file, const std::string& where) {
  std::string head(std::min<uint64_t>(file.size(), 64), '\0');
  file.read(head.data(), 0, head.size());
  refuse_other_formats(head, where);
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
  std::string text(length, '\0');
  file.read(text.data(), kLengthBytes, length);
  const uint64_t data_start = kLengthBytes + length;
  return {detail::parse_safetensors_header(text, file.size() - data_start, where), data_start};
}

torch::Tensor read_tensor(const InputFile& file, const detail::HeaderEntry& entry, uint64_t data_start,
                          const std::string& where) {
  torch::Tensor tensor = torch::empty(entry.shape, torch::dtype(entry.dtype));
  file.read(tensor.data_ptr(), data_start + entry.begin, entry.end - entry.begin);
  if (entry.dtype == torch::kBool) {  // any other byte in a bool is undefined behaviour
    const auto* bytes = static_cast<const unsigned char*>(tensor.data_ptr());
    if (std::any_of(bytes, bytes + tensor.nbytes(), [](unsigned char b) { return b > 1; })) {
      throw Error(where + ": tensor '" + entry.name + "' is BOOL and holds a byte that is neither 0 nor 1");
    }
  }
  return tensor;
}

const char* dtype_name(const torch::Tensor& tensor, const std::string& name) {
  for (const auto& known : detail::safetensors_dtypes()) {
    if (known.dtype == tensor.scalar_type()) return known.name;
  }
  TORCH_CHECK(false, "tensor ", name, " has dtype ", tensor.scalar_type(), ", which safetensors cannot hold");
}

}  // namespace

StateDict read_safetensors(const fs::path& path) {
  const InputFile file(path);
  OpenedHeader opened = open_header(file, path.string());
  StateDict state;
  state.metadata = std::move(opened.header.metadata);
  for (const auto& entry : opened.header.entries)
    state.add(entry.name, read_tensor(file, entry, opened.data_start, path.string()));
  return state;
}

StateDict read_safetensors_header(const fs::path& path) {
  const InputFile file(path);
  OpenedHeader opened = open_header(file, path.string());
  StateDict state;
  state.metadata = std::move(opened.header.metadata);
  for (const auto& entry : opened.header.entries) {
    state.add(entry.name, torch::empty(entry.shape, torch::dtype(entry.dtype).device(torch::kMeta)));
  }
  return state;
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
    field["dtype"] = dtype_name(tensor, name);
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
