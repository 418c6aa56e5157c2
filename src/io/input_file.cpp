// Opening, reading and mapping of model files.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"
#include "io/detail_input_file.h"

namespace fsc::detail {
namespace {

void read_exactly(const std::filesystem::path& path, int fd, char* target, uint64_t position, uint64_t count) {
  for (uint64_t done = 0; done < count;) {
    const ssize_t n = ::pread(fd, target + done, count - done, static_cast<off_t>(position + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_io_error(path, "read", errno);
    if (n == 0) throw Error("cannot read " + path.string() + ": it became shorter while it was read");
    done += static_cast<uint64_t>(n);
  }
}

}  // namespace

Mapping::Mapping(const std::filesystem::path& path, int fd, uint64_t size) : size_(size) {
  if (size == 0) return;
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  if (address != MAP_FAILED) {
    data_ = static_cast<char*>(address);
    return;
  }
  copy_.reset(new char[size]);  // some network and user-space file systems cannot map
  data_ = copy_.get();
  read_exactly(path, fd, data_, 0, size);
}

Mapping::~Mapping() {
  if (data_ && !copy_) ::munmap(data_, size_);
}

InputFile::InputFile(const std::filesystem::path& path)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {  // a pipe must not keep us waiting
  if (fd_ < 0) throw_io_error(path, "read", errno);
  struct stat status {};
  const bool ok = ::fstat(fd_, &status) == 0;
  if (!ok || !S_ISREG(status.st_mode)) {
    const int error_number = errno;
    ::close(fd_);
    if (!ok) throw_io_error(path, "read", error_number);
    throw Error("cannot read " + path.string() + ": it is " + (S_ISDIR(status.st_mode) ? "a folder" : "not a file") +
                "; give the path of the model's file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(fd_); }

void InputFile::read(void* target, uint64_t position, uint64_t count) const {
  TORCH_CHECK(position <= size_ && count <= size_ - position, "read past the end of ", name());
  read_exactly(path_, fd_, static_cast<char*>(target), position, count);
}

std::string InputFile::bytes(uint64_t position, uint64_t count) const {
  std::string text(count, '\0');
  read(text.data(), position, count);
  return text;
}

std::string InputFile::head(uint64_t count) const { return bytes(0, std::min(count, size_)); }

std::shared_ptr<Mapping> InputFile::map() const { return std::make_shared<Mapping>(path_, fd_, size_); }

torch::Tensor mapped_tensor(const std::shared_ptr<Mapping>& mapping, uint64_t position, uint64_t span, at::IntArrayRef sizes,
                            at::IntArrayRef strides, c10::ScalarType dtype) {
  char* data = mapping->data() + position;
  const auto options = torch::dtype(dtype);
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(dtype) == 0)
    return torch::from_blob(
        data, sizes, strides, [mapping](void*) {}, options);
  const torch::Tensor copy = torch::empty({static_cast<int64_t>(span)}, options);
  std::copy_n(data, copy.nbytes(), static_cast<char*>(copy.data_ptr()));
  return copy.as_strided(sizes, strides);
}

void check_bool_bytes(std::string_view bytes, const std::string& where, const std::string& tensor) {
  if (std::any_of(bytes.begin(), bytes.end(), [](unsigned char b) { return b > 1; }))
    throw Error(where + ": tensor " + quote_name(tensor) + " is BOOL and holds a byte that is neither 0 nor 1");
}

std::string quote_name(std::string_view name) {
  std::string text = "'";
  for (const unsigned char c : name.substr(0, 200)) text += c < 0x20 || c == 0x7F ? '?' : static_cast<char>(c);
  return text + (name.size() > 200 ? "...'" : "'");
}

}  // namespace fsc::detail
