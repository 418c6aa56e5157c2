// Where the programs find assets/ (made by scripts/setup) and configs/.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace fsc {

/// assets/<name>: FSC_ASSETS_DIR, <executable>/../share/fsc/assets, then the source tree. Error names the command that makes it.
std::filesystem::path find_asset(const std::string& name);

/// configs/<name>: FSC_CONFIG_DIR, <executable>/../share/fsc/configs, then the source tree; empty path when absent.
std::filesystem::path find_config(const std::string& name);

/// `path` where it exists, else the shipped config of that name (`coco_hn.yaml`, `eval/sugarcrepe.yaml`), else `path` as it is.
std::filesystem::path config_file(const std::filesystem::path& path);

/// Nearest of `names` to `word` by edit distance, or "" when none is near enough to suggest.
std::string nearest_name(const std::string& word, const std::vector<std::string>& names);

}  // namespace fsc
