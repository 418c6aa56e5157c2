// A folder replaced as a whole: whatever call fails and wherever the process dies, the old or the new one stays complete.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/detail_atomic.h"
#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

struct Names {
  fs::path path, temporary, old;
};

Names names_of(const fs::path& given) {
  const fs::path path = given.has_filename() ? given : given.parent_path();  // "folder/" is "folder"
  return {path, detail::sibling(path, detail::kTemporary), detail::sibling(path, detail::kOld)};
}

/// `none` where it cannot be told.
fs::file_type type_of(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type();
}
bool is_missing(const fs::path& path) { return type_of(path) == fs::file_type::not_found; }
bool is_there(const fs::path& path) { return !is_missing(path) && type_of(path) != fs::file_type::none; }

/// Removes what nobody needs. An `.old` loses that name first: one that bears it must be whole, for it may be put back.
void discard(const fs::path& path, const fs::path& temporary) {
  std::error_code error;
  if (path != temporary) fs::rename(path, temporary, error);
  if (!error) fs::remove_all(temporary, error);
  if (error) spdlog::warn("cannot remove {}, which is no longer needed: {}", path.string(), error.message());
}

/// Something that a process left beside `name`.
struct Leftover {
  fs::path path;
  std::string name;
  bool is_old;
  fs::file_time_type written;
};

/// Newest first.
std::vector<Leftover> leftovers_in(const fs::path& folder) {
  std::vector<Leftover> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    const size_t kind = name.find_last_not_of("0123456789") + 1;  // behind it the process id
    if (name.front() != '.' || kind == name.size()) continue;
    name.resize(kind);
    const bool is_old = name.ends_with(detail::kOld);
    if ((!is_old && !name.ends_with(detail::kTemporary)) || name.size() < 6) continue;
    std::error_code ignored;
    found.push_back({entry->path(), name.substr(1, name.size() - 5), is_old, fs::last_write_time(entry->path(), ignored)});
  }
  std::sort(found.begin(), found.end(), [](const Leftover& a, const Leftover& b) { return a.written > b.written; });
  return found;
}

void put_back(const fs::path& old, const fs::path& path) {
  if (::rename(old.c_str(), path.c_str()) != 0)
    throw Error(io_error(path, "put back", errno) + "; a process that was killed left it whole in " + old.string() +
                ", rename that by hand");
  spdlog::warn("{} was put back: a process was killed while it replaced it", path.string());
  detail::sync_renamed(path, "");
}

/// What an earlier process, or an earlier call, left of a replacement of the same folder.
void clear_the_way(const Names& names) {
  std::error_code ignored;  // what cannot be removed here makes mkdir fail
  fs::remove_all(names.temporary, ignored);
  if (is_missing(names.path)) {
    const auto leftovers = leftovers_in(detail::parent_of(names.path));
    const auto is_its_old = [&](const Leftover& leftover) { return leftover.is_old && leftover.name == names.path.filename(); };
    const auto newest = std::find_if(leftovers.begin(), leftovers.end(), is_its_old);
    if (newest != leftovers.end()) put_back(newest->path, names.path);
  }
  if (is_there(names.old)) discard(names.old, names.temporary);
}

void sync_tree(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (!entry.is_symlink()) sync_path(entry.path());  // a link may point outside, or nowhere
  sync_path(folder);
}

/// `temporary` gets the name `path`. Returns where the folder that had it is now, empty if there was none.
fs::path put_in_place(const Names& names) {
  const char *path = names.path.c_str(), *temporary = names.temporary.c_str(), *old = names.old.c_str();
  if (::renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_EXCHANGE) == 0) return names.temporary;
  // There is nothing to exchange it with, or the file system cannot.
  const bool replaces = ::rename(path, old) == 0;
  if (!replaces && errno != ENOENT) throw_io_error(names.path, "replace", errno);
  if (::rename(temporary, path) == 0) return replaces ? names.old : fs::path();
  const std::string problem = io_error(names.path, "write", errno);
  if (replaces && ::rename(old, path) != 0 && errno != ENOENT)
    throw Error(problem + "; what was there is whole in " + names.old.string() +
                " and could not be renamed back: " + std::strerror(errno));
  throw Error(problem);
}

/// `message` with the name that the user knows, and without a note on what became of a file in the folder, which is removed.
std::string told_of(const Names& names, std::string message) {
  const std::string shown = names.path.string(), hidden = names.temporary.string();
  message.resize(std::min(message.size(), message.find("; " + hidden)));
  for (size_t at = message.find(hidden); at != std::string::npos; at = message.find(hidden, at + shown.size()))
    message.replace(at, hidden.size(), shown);
  return message;
}

}  // namespace

void write_directory_atomic(const fs::path& path, const std::function<void(const fs::path&)>& fill) {
  const Names names = names_of(path);
  clear_the_way(names);
  fs::path replaced;
  std::error_code ignored;
  try {
    make_directories(detail::parent_of(names.path));
    if (::mkdir(names.temporary.c_str(), 0777) != 0) throw_io_error(names.path, "write", errno);
    fill(names.temporary);
    sync_tree(names.temporary);
    replaced = put_in_place(names);
  } catch (const Error& error) {
    fs::remove_all(names.temporary, ignored);
    const std::string told = told_of(names, error.what());
    if (told == error.what()) throw;
    throw Error(told, error.code());
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(names.temporary, ignored);
    throw_io_error(names.path, "write", error.code().value());
  } catch (...) {
    fs::remove_all(names.temporary, ignored);
    throw;
  }
  detail::sync_renamed(names.path, replaced.empty() ? "" : "; what was there before is still in " + replaced.string());
  if (!replaced.empty()) discard(replaced, names.temporary);
}

void recover_replacements(const fs::path& folder) {
  const auto leftovers = leftovers_in(folder);
  for (const auto& leftover : leftovers)
    if (!leftover.is_old) discard(leftover.path, leftover.path);
  for (const auto& leftover : leftovers) {
    if (!leftover.is_old) continue;
    const fs::path path = folder / leftover.name;
    if (is_missing(path))
      put_back(leftover.path, path);
    else if (is_there(path))
      discard(leftover.path, detail::sibling(path, detail::kTemporary));
  }
}

}  // namespace fsc
