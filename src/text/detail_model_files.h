// The files of the text model's folder, read whole and held against the manifest.
#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "text/detail_reader.h"

namespace fsc::detail {

class ModelFiles {
 public:
  /// Error when the manifest is missing, unreadable or of another format, or a file is missing, of another size or of another
  /// digest.
  explicit ModelFiles(const std::filesystem::path& folder);

  /// Error when the manifest does not list it.
  const std::string& bytes(const std::string& name) const;
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  Reader reader(const std::string& name) const { return Reader(bytes(name), path(name)); }
  /// SHA-256 of the manifest, and so of all files.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& problem) const;

  std::filesystem::path folder_;
  std::map<std::string, std::string> files_;
  std::string fingerprint_;
};

}  // namespace fsc::detail
