// A local shard: large reads go straight into the caller's memory, small ones through a page-sized buffer.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "fsc/core/atomic_file.h"
#include "shards/detail_streams.h"

namespace fsc::detail {
namespace {

/// Holds a tar header together with a small file after it (a caption) and the next header, so that they cost one system call.
constexpr size_t kBufferSize = 4096;

class FileStream final : public ByteStream {
 public:
  FileStream(const std::string& path, const StreamOptions& options) : path_(path), options_(options) {
    check_kind();  // before it is opened, for opening a FIFO waits until somebody writes into it
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) throw_io_error(path, "open", errno);
    ::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~FileStream() override {
    if (fd_ >= 0) ::close(fd_);
  }
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;

  size_t read(std::span<char> out) override {
    if (out.empty()) return 0;
    if (begin_ == end_) {
      if (out.size() >= kBufferSize) return read_at_position(out);
      begin_ = 0;
      end_ = read_at_position(buffer_);
    }
    const size_t n = std::min(out.size(), end_ - begin_);
    std::memcpy(out.data(), buffer_.data() + begin_, n);
    begin_ += n;
    return n;
  }

  uint64_t skip(uint64_t count) override {
    const uint64_t buffered = std::min<uint64_t>(count, end_ - begin_);
    begin_ += buffered;
    const uint64_t seek = std::min(count - buffered, size_ - std::min(position_, size_));
    position_ += seek;
    return buffered + seek;
  }

 private:
  void check_kind() {
    struct stat status {};
    const int failed = ::stat(path_.c_str(), &status);
    if (failed && errno == ENOENT) throw NotFound("there is no file " + path_ + "; check the shards' paths");
    if (failed) throw_io_error(path_, "open", errno);
    if (S_ISDIR(status.st_mode)) throw Error(path_ + " is a folder; write " + path_ + "/*.tar for the shards in it");
    if (!S_ISREG(status.st_mode))
      throw Error(path_ + " is no regular file; write 'pipe:cat " + path_ + "' to read it as a stream");
    size_ = static_cast<uint64_t>(status.st_size);
  }

  size_t read_at_position(std::span<char> out) {
    check_stop(path_, options_);
    ssize_t n;
    do {
      n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(position_));
    } while (n < 0 && errno == EINTR);
    if (n < 0) throw_io_error(path_, "read", errno);
    position_ += static_cast<uint64_t>(n);
    return static_cast<size_t>(n);
  }

  std::string path_;
  StreamOptions options_;
  int fd_ = -1;
  uint64_t size_ = 0, position_ = 0;  // position_: of the next byte that is not in the buffer
  std::array<char, kBufferSize> buffer_;
  size_t begin_ = 0, end_ = 0;  // what of the buffer is still to be handed out
};

}  // namespace

std::unique_ptr<ByteStream> open_file_stream(const std::string& path, const StreamOptions& options) {
  return std::make_unique<FileStream>(path, options);
}

}  // namespace fsc::detail
