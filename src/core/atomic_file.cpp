// Temporary name, write, fsync, rename, fsync of the parent: a crash leaves the old file or the new one.
#include "fsc/core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "fsc/core/error.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

class Descriptor {
 public:
  /// `shown` is the path that the user knows, where `path` is a temporary name for it.
  Descriptor(const fs::path& path, int flags, const char* action, const fs::path& shown)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) throw_io_error(shown, action, errno);
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

fs::path temporary_sibling(const fs::path& path) {
  return parent_of(path) / ("." + path.filename().string() + ".tmp" + std::to_string(::getpid()));
}

}  // namespace

void throw_io_error(const fs::path& path, const char* action, int error_number) {
  std::string hint;
  if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG)
    hint = "; free space or choose another output.dir";
  if (error_number == EACCES || error_number == EPERM || error_number == EROFS) hint = "; choose a folder you may write to";
  throw Error("cannot " + std::string(action) + " " + path.string() + ": " + std::strerror(error_number) + hint);
}

void sync_path(const fs::path& path) {
  Descriptor file(path, O_RDONLY, "open", path);
  if (::fsync(file.get()) != 0 && errno != EINVAL) throw_io_error(path, "sync", errno);
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw_io_error(path, "create folder", error.value());
}

void write_file_atomic(const fs::path& path, std::string_view bytes) { write_file_atomic(path, std::span(&bytes, 1)); }

void write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces) {
  const fs::path temporary = temporary_sibling(path);
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
    if (::fsync(file.get()) != 0) throw_io_error(path, "write", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_io_error(path, "write", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_path(parent_of(path));
}

void write_directory_atomic(const fs::path& path, const std::function<void(const fs::path&)>& fill) {
  const fs::path temporary = temporary_sibling(path);
  const fs::path old = parent_of(path) / ("." + path.filename().string() + ".old" + std::to_string(::getpid()));
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  fs::remove_all(old, ignored);
  const auto undo = [&] {
    fs::remove_all(temporary, ignored);
    if (!fs::exists(path, ignored)) ::rename(old.c_str(), path.c_str());
    fs::remove_all(old, ignored);
  };
  try {
    make_directories(parent_of(path));
    if (::mkdir(temporary.c_str(), 0777) != 0) throw_io_error(path, "write", errno);
    fill(temporary);
    for (const auto& entry : fs::recursive_directory_iterator(temporary))
      if (!entry.is_symlink()) sync_path(entry.path());  // a link may point outside, or nowhere
    sync_path(temporary);
    if (::rename(path.c_str(), old.c_str()) != 0 && errno != ENOENT) throw_io_error(path, "replace", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_io_error(path, "write", errno);
    sync_path(parent_of(path));
  } catch (const fs::filesystem_error& error) {
    undo();
    throw_io_error(path, "write", error.code().value());
  } catch (...) {
    undo();
    throw;
  }
  fs::remove_all(old, ignored);
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
