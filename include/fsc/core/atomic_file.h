// Files that are either whole or absent: written under a temporary name, synced, renamed.
#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace fsc {

/// Replaces `path` by `bytes`. Throws Error naming the path and the cause (no space, not writable) and leaves the old file;
/// when only the folder could not be synced, the Error says that the new one is in place.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);
/// The same for bytes that lie in several pieces, written one after another.
void write_file_atomic(const std::filesystem::path& path, std::span<const std::string_view> pieces);

/// The same for a file that comes piece by piece. Until finish() `path` is as it was; without it nothing stays.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void put(std::string_view bytes);
  /// At most once, and the last call.
  void finish();

 private:
  void write(std::string_view bytes);
  std::filesystem::path path_, temporary_;
  int file_ = -1;
  std::string buffer_;  // not written yet
};

/// Calls `fill(temporary_dir)` with a fresh sibling directory, syncs every file in it, then renames it to `path`.
/// An existing `path` is replaced only after the new one is complete: exchanged in one step where the file system can, else by
/// two renames. On failure the temporary is removed and Error thrown: `path` is as it was, or the Error names the sibling
/// `.name.oldPID` that holds it whole. What a killed process left so is put back first.
void write_directory_atomic(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& fill);

/// Clears `folder` of what killed processes left of the two functions above: `.name.tmpPID` is removed, `.name.oldPID` is put
/// back where `name` is missing, else removed. Only for a folder in which no other process writes. Error: it cannot be put back.
void recover_replacements(const std::filesystem::path& folder);

/// Whole file as bytes; Error names the file and the cause.
std::string read_file(const std::filesystem::path& path);

/// The same in pieces of up to 1 MiB, for files that need not lie in memory at once.
void for_each_chunk(const std::filesystem::path& path, const std::function<void(std::string_view)>& use);

/// fsync of a file or a directory.
void sync_path(const std::filesystem::path& path);

/// Creates the directory (and parents); Error says why it cannot and for which path.
void make_directories(const std::filesystem::path& path);

/// What to tell about a failed system call on `path`: errno's text and what to do about ENOSPC, EACCES, EROFS.
std::string io_error(const std::filesystem::path& path, const char* action, int error_number);
/// The same as an Error.
[[noreturn]] void throw_io_error(const std::filesystem::path& path, const char* action, int error_number);

}  // namespace fsc
