// SugarCrepe's file format: {"0": {"filename", "caption", "negative_caption"}, ...}.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "fsc/eval/tasks.h"

namespace fsc::detail {

/// Appends the file's items in file order, all in the part `part`. Error names the file, the item and the field.
void read_pair_json(const std::filesystem::path& file, const std::filesystem::path& image_folder,
                    const std::vector<std::string>& part, std::vector<CaptionChoiceItem>& items);

/// The one folder of `images`; Error when a map of sources is given instead.
std::filesystem::path only_image_folder(const TaskConfig& config);

}  // namespace fsc::detail
