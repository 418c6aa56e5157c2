// Any one file in SugarCrepe's format.
#include "detail_datasets.h"
#include "detail_pair_json.h"

namespace fsc {

std::unique_ptr<Task> read_caption_choice(const TaskConfig& config, Inputs& inputs) {
  const std::filesystem::path file = config.source.path;
  CaptionChoiceItems items;
  read_pair_json(file, only_image_folder(config), {file.stem().string(), 0}, items, inputs);
  return caption_choice_task(std::move(items));
}

}  // namespace fsc
