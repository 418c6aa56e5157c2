// What the replacing of a file and that of a folder share: the names beside it, and the sync that makes a rename last.
#pragma once
#include <filesystem>
#include <string>

namespace fsc::detail {

inline constexpr const char* kTemporary = ".tmp";  ///< half-written or not needed: may be deleted at any time
inline constexpr const char* kOld = ".old";        ///< always whole; the only copy while the name itself is missing

std::filesystem::path parent_of(const std::filesystem::path& path);
/// `.name.tmpPID` or `.name.oldPID` beside `path`.
std::filesystem::path sibling(const std::filesystem::path& path, const char* kind);
/// Syncs the folder in which `path` was renamed into place; the Error says so, and then `note`.
void sync_renamed(const std::filesystem::path& path, const std::string& note);

}  // namespace fsc::detail
