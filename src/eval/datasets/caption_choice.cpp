// Any one file in SugarCrepe's format.
#include "eval/datasets/detail_pair_json.h"

namespace fsc {
using namespace detail;
namespace {

std::unique_ptr<Task> read_caption_choice(const TaskConfig& config) {
  const std::filesystem::path file = config.source.path;
  std::vector<CaptionChoiceItem> items;
  read_pair_json(file, only_image_folder(config), {file.stem().string()}, items);
  return caption_choice_task(std::move(items));
}

}  // namespace

Benchmark caption_choice_benchmark() {
  return {"caption_choice",
          TaskKind::kComposition,
          "one JSON file shaped like SugarCrepe's at path, its photos in images",
          {"path", "images"},
          {},
          {Rule::kMean},
          read_caption_choice};
}

}  // namespace fsc
