// A WiSE-FT path as tables, as files and as a picture.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/eval/wise_ft_path.h"

namespace fsc {

/// One row a point, one column a task and a kind's mean.
std::string path_table(const WiseFtPath& path);
/// Like results_csv, with alpha as the second column.
std::string paths_csv(const std::vector<WiseFtPath>& paths);
/// {"base", "paths": [{"checkpoint", "points": [{"alpha", "tasks": {label: score}, "averages": {kind: score}}]}]}.
std::string paths_json(const std::string& base, const std::vector<WiseFtPath>& paths);

/// Composition upwards, zero-shot and retrieval to the right, points labelled by alpha. `folder`/trade_off.png and .svg. Where
/// the suite lacks composition or both of the others nothing is drawn and false returned.
bool draw_trade_off(const std::filesystem::path& folder, const std::vector<WiseFtPath>& paths);

}  // namespace fsc
