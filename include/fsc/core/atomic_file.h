// Files that are either whole or absent: written under a temporary name, synced, renamed.
#pragma once
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace fsc {

/// Replaces `path` by `bytes`. Throws Error naming the path and the cause (no space, not writable) and leaves the old file.
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);
/// The same for bytes that lie in several pieces, written one after another.
void write_file_atomic(const std::filesystem::path& path, std::span<const std::string_view> pieces);

/// Calls `fill(temporary_dir)` with a fresh sibling directory, syncs every file in it, then renames it to `path`.
/// An existing `path` is replaced only after the new one is complete. On failure the temporary is removed and Error thrown.
void write_directory_atomic(const std::filesystem::path& path, const std::function<void(const std::filesystem::path&)>& fill);

/// Whole file as bytes; Error names the file and the cause.
std::string read_file(const std::filesystem::path& path);

/// The same in pieces of up to 1 MiB, for files that need not lie in memory at once.
void for_each_chunk(const std::filesystem::path& path, const std::function<void(std::string_view)>& use);

/// fsync of a file or a directory.
void sync_path(const std::filesystem::path& path);

/// Creates the directory (and parents); Error says why it cannot and for which path.
void make_directories(const std::filesystem::path& path);

/// Error for a failed system call on `path`, with errno's text and what to do about ENOSPC, EACCES, EROFS.
[[noreturn]] void throw_io_error(const std::filesystem::path& path, const char* action, int error_number);

}  // namespace fsc
