// SugarCrepe (RAIVNLab/sugar-crepe, data/): seven files in three categories, images of COCO val2017.
#include "detail_datasets.h"
#include "detail_pair_json.h"
#include "fsc/core/error.h"

namespace fsc {

std::unique_ptr<Task> read_sugarcrepe(const TaskConfig& config, Inputs& inputs) {
  static const std::vector<CaptionChoiceItems::Subtask> files = {{"replace_obj", 0}, {"replace_att", 0}, {"replace_rel", 0},
                                                                 {"swap_obj", 1},    {"swap_att", 1},    {"add_obj", 2},
                                                                 {"add_att", 2}};
  const std::filesystem::path root = config.root, images = only_image_folder(config);
  std::string missing;
  for (const auto& file : files)
    if (std::error_code error; !std::filesystem::exists(root / (file.name + ".json"), error))
      missing += (missing.empty() ? "" : ", ") + file.name + ".json";
  if (!missing.empty())
    throw Error("the task " + config.shown() + ": " + root.string() + " lacks " + missing +
                "; set root to the data folder of SugarCrepe");
  CaptionChoiceItems items;
  for (const auto& file : files) read_pair_json(root / (file.name + ".json"), images, file, items, inputs);
  return caption_choice_task(std::move(items));
}

}  // namespace fsc
