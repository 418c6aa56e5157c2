// Temporary name, write, fsync, rename, fsync of the parent: a crash leaves the old file or the new one.
#include "fsc/core/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "core/detail_atomic.h"
#include "fsc/core/error.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

class Descriptor {
 public:
  /// `shown` is the path that the user knows, where `path` is a temporary name for it.
  Descriptor(const fs::path& path, int flags, const char* action, const fs::path& shown) : fd_(open(path, flags)) {
    if (fd_ < 0) throw_io_error(shown, action, errno);
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  /// Some network file systems break off at a signal.
  static int open(const fs::path& path, int flags) {
    int fd;
    do fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    while (fd < 0 && errno == EINTR);
    return fd;
  }
  int fd_;
};

bool synced(const Descriptor& file) {
  int result;
  do result = ::fsync(file.get());
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
  Descriptor file(path, O_RDONLY, "open", path);
  if (!synced(file) && errno != EINVAL) throw_io_error(path, "sync", errno);
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw_io_error(path, "create folder", error.value());
}

void write_file_atomic(const fs::path& path, std::string_view bytes) { write_file_atomic(path, std::span(&bytes, 1)); }

void write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces) {
  const fs::path temporary = detail::sibling(path, detail::kTemporary);
  try {
    Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC, "write", path);
    for (const std::string_view bytes : pieces) {
      for (size_t done = 0; done < bytes.size();) {
        const ssize_t n = ::write(file.get(), bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_io_error(path, "write", errno);
        done += static_cast<size_t>(n);
      }
    }
    if (!synced(file)) throw_io_error(path, "write", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_io_error(path, "write", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  detail::sync_renamed(path, "");
}

void for_each_chunk(const fs::path& path, const std::function<void(std::string_view)>& use) {
  Descriptor file(path, O_RDONLY, "read", path);
  std::vector<char> buffer(1 << 20);
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
