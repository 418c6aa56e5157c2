// Reads the manifest that scripts/export_text_model.py writes, and checks every file it lists.
#include "text/detail_model_files.h"

#include <nlohmann/json.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/digest.h"

namespace fsc::detail {
namespace {

namespace fs = std::filesystem;
constexpr int kFormat = 1;  // raised with every change of a layout, together with FORMAT in scripts/export_text_model.py
constexpr uintmax_t kMaxFile = 256 << 20;

}  // namespace

void ModelFiles::fail(const std::string& name, const std::string& problem) const {
  throw Error(path(name) + " " + problem + ": run scripts/setup, which makes the text model again");
}

ModelFiles::ModelFiles(const fs::path& folder) : folder_(folder) {
  constexpr const char* kManifest = "manifest.json";
  std::error_code error;
  const auto size_of = [&](const std::string& name) {
    if (!fs::is_regular_file(folder / name, error)) fail(name, "is missing");
    const uintmax_t size = fs::file_size(folder / name, error);
    if (error || size > kMaxFile) fail(name, "cannot be a file of the text model");
    return size;
  };
  size_of(kManifest);
  const std::string manifest = read_file(folder / kManifest);
  fingerprint_ = sha256_hex(manifest);
  const auto json = nlohmann::json::parse(manifest, nullptr, false);
  if (!json.is_object() || !json.contains("format") || !json["format"].is_number_integer()) fail(kManifest, "is damaged");
  if (json["format"] != kFormat)
    fail(kManifest, "is of format " + json["format"].dump() + ", this program reads " + std::to_string(kFormat));
  if (!json.contains("files") || !json["files"].is_object()) fail(kManifest, "is damaged");
  for (const auto& [name, entry] : json["files"].items()) {
    if (name.empty() || name.find('/') != std::string::npos || !entry.is_object()) fail(kManifest, "is damaged");
    const auto bytes = entry.find("bytes"), digest = entry.find("sha256");
    if (bytes == entry.end() || !bytes->is_number_unsigned() || digest == entry.end() || !digest->is_string())
      fail(kManifest, "is damaged");
    const uintmax_t size = size_of(name), expected = bytes->get<uintmax_t>();
    if (size != expected) fail(name, "has " + std::to_string(size) + " bytes instead of " + std::to_string(expected));
    std::string content = read_file(folder / name);
    if (sha256_hex(content) != digest->get<std::string>())
      fail(name, "is damaged (its SHA-256 is not the one in " + std::string(kManifest) + ")");
    files_.emplace(name, std::move(content));
  }
}

const std::string& ModelFiles::bytes(const std::string& name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) fail("manifest.json", "does not list " + name);
  return found->second;
}

}  // namespace fsc::detail
