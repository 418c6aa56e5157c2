// Temporary name, write, fsync, rename, fsync of the parent: a crash leaves the old file or the new one.
#include "fsc/core/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "core/detail_atomic.h"
#include "fsc/core/error.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

constexpr size_t kBuffer = 1 << 20;

/// Some network file systems break off at a signal. `shown` is the path that the user knows, where `path` is a temporary name
/// for it.
int open_file(const fs::path& path, int flags, const char* action, const fs::path& shown) {
  int file;
  do file = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  while (file < 0 && errno == EINTR);
  if (file < 0) throw_io_error(shown, action, errno);
  return file;
}

/// A file that is read.
class Descriptor {
 public:
  Descriptor(const fs::path& path, const char* action) : fd_(open_file(path, O_RDONLY, action, path)) {}
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

bool synced(int file) {
  int result;
  do result = ::fsync(file);
  while (result != 0 && errno == EINTR);
  return result == 0;
}

}  // namespace

fs::path detail::parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

fs::path detail::sibling(const fs::path& path, const char* kind) {
  return parent_of(path) / ("." + path.filename().string() + kind + std::to_string(::getpid()));
}

void detail::sync_renamed(const fs::path& path, const std::string& note) {
  try {
    sync_path(parent_of(path));
  } catch (const Error& error) {
    throw Error(error.what() + ("; " + path.string()) + " is in place and whole, but a power failure now may undo that" + note);
  }
}

std::string io_error(const fs::path& path, const char* action, int error_number) {
  std::string hint;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG)
    hint = "; free space or choose another output.dir";
  if (error_number == EACCES || error_number == EPERM || error_number == EROFS) hint = "; choose a folder you may write to";
  return "cannot " + std::string(action) + " " + path.string() + ": " + std::strerror(error_number) + hint;
}

void throw_io_error(const fs::path& path, const char* action, int error_number) {
  throw Error(io_error(path, action, error_number));
}

void sync_path(const fs::path& path) {
  const Descriptor file(path, "open");
  if (!synced(file.get()) && errno != EINVAL) throw_io_error(path, "sync", errno);
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw_io_error(path, "create folder", error.value());
}

void write_file_atomic(const fs::path& path, std::string_view bytes) { write_file_atomic(path, std::span(&bytes, 1)); }

void write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces) {
  AtomicFile file(path);
  for (const std::string_view bytes : pieces) file.put(bytes);
  file.finish();
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), temporary_(detail::sibling(path_, detail::kTemporary)) {
  try {
    file_ = open_file(temporary_, O_WRONLY | O_CREAT | O_TRUNC, "write", path_);
  } catch (...) {
    ::unlink(temporary_.c_str());  // it may have been made all the same
    throw;
  }
}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::put(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > kBuffer) {
    write(buffer_);
    buffer_.clear();
  }
  if (bytes.size() > kBuffer)
    write(bytes);
  else
    buffer_ += bytes;
}

void AtomicFile::write(std::string_view bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(file_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_io_error(path_, "write", errno);
    done += static_cast<size_t>(n);
  }
}

void AtomicFile::finish() {
  write(buffer_);
  if (!synced(file_)) throw_io_error(path_, "write", errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw_io_error(path_, "write", errno);
  ::close(std::exchange(file_, -1));
  detail::sync_renamed(path_, "");
}

void for_each_chunk(const fs::path& path, const std::function<void(std::string_view)>& use) {
  const Descriptor file(path, "read");
  std::vector<char> buffer(kBuffer);
  while (true) {
    const ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EISDIR) throw Error("cannot read " + path.string() + ": it is a folder, a file was expected");
    if (n < 0) throw_io_error(path, "read", errno);
    if (n == 0) return;
    use({buffer.data(), static_cast<size_t>(n)});
  }
}

std::string read_file(const fs::path& path) {
  std::string bytes;
  for_each_chunk(path, [&](std::string_view chunk) { bytes += chunk; });
  return bytes;
}

}  // namespace fsc
