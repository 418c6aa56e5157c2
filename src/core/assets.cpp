// Search order: environment, installed share folder beside the executable, the source tree that was built.
#include "fsc/core/assets.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "fsc/core/error.h"

namespace fsc {
namespace fs = std::filesystem;
namespace {

fs::path executable_dir() {
  std::error_code error;
  const fs::path exe = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path(".") : exe.parent_path();
}

std::vector<fs::path> candidates(const char* variable, const std::string& folder) {
  std::vector<fs::path> found;
  if (const char* dir = std::getenv(variable); dir && *dir) found.emplace_back(dir);
  const fs::path exe = executable_dir();
  found.push_back(exe / "../share/fsc" / folder);
  // build/<preset>/bin/program or build/<preset>/tests/program: the source tree is three levels up.
  found.push_back(exe / "../../.." / folder);
  return found;
}

fs::path find_in(const std::vector<fs::path>& dirs, const std::string& name) {
  for (const auto& dir : dirs) {
    std::error_code error;
    if (!fs::is_regular_file(dir / name, error)) continue;
    const fs::path real = fs::canonical(dir / name, error);
    return error ? dir / name : real;
  }
  return {};
}

}  // namespace

fs::path find_asset(const std::string& name) {
  const auto dirs = candidates("FSC_ASSETS_DIR", "assets");
  fs::path path = find_in(dirs, name);
  if (!path.empty()) return path;
  std::string looked;
  for (const auto& dir : dirs) looked += "\n  looked in " + dir.lexically_normal().string();
  throw Error("the asset " + name +
              " is missing: run scripts/setup, which makes assets/, or point FSC_ASSETS_DIR at a folder that has it" + looked);
}

fs::path find_config(const std::string& name) { return find_in(candidates("FSC_CONFIG_DIR", "configs"), name); }

fs::path config_file(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error) || path.is_absolute()) return path;
  const fs::path shipped = find_config(path.string());
  return shipped.empty() ? path : shipped;
}

std::string nearest_name(const std::string& word, const std::vector<std::string>& names) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const auto& name : names) {
    // At least the difference of the lengths must be mended: no work for a monstrous word.
    if (std::max(word.size(), name.size()) - std::min(word.size(), name.size()) >= best_distance) continue;
    std::vector<size_t> row(name.size() + 1);  // Levenshtein, one row
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = std::exchange(row[0], i);
      for (size_t j = 1; j <= name.size(); ++j) {
        const size_t substitute = diagonal + (word[i - 1] != name[j - 1]);
        diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, substitute}));
      }
    }
    const bool something_kept = row.back() < std::max(word.size(), name.size());
    if (something_kept && row.back() < best_distance) best_distance = row.back(), best = name;
  }
  return best;
}

}  // namespace fsc
