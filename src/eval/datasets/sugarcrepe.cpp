// SugarCrepe (RAIVNLab/sugar-crepe, data/): seven files in three categories, images of COCO val2017. As its official scorer: the
// mean of the categories, each over all its items.
#include "eval/datasets/detail_pair_json.h"
#include "fsc/core/error.h"

namespace fsc {
using namespace detail;
namespace {

std::unique_ptr<Task> read_sugarcrepe(const TaskConfig& config) {
  static const std::vector<std::vector<std::string>> files = {
      {"replace", "replace_obj"}, {"replace", "replace_att"}, {"replace", "replace_rel"}, {"swap", "swap_obj"},
      {"swap", "swap_att"},       {"add", "add_obj"},         {"add", "add_att"}};
  const std::filesystem::path root = config.root, images = only_image_folder(config);
  std::string missing;
  for (const auto& part : files)
    if (std::error_code error; !std::filesystem::exists(root / (part.back() + ".json"), error))
      missing += (missing.empty() ? "" : ", ") + part.back() + ".json";
  if (!missing.empty())
    throw Error("the task " + config.shown() + ": " + root.string() + " lacks " + missing +
                "; set root to the data folder of SugarCrepe");
  std::vector<CaptionChoiceItem> items;
  for (const auto& part : files) read_pair_json(root / (part.back() + ".json"), images, part, items);
  return caption_choice_task(std::move(items));
}

}  // namespace

Benchmark sugarcrepe_benchmark() {
  return {"sugarcrepe",
          TaskKind::kComposition,
          "the seven JSON files of SugarCrepe in root, COCO val2017 photos in images",
          {"root", "images"},
          {},
          {Rule::kMean, Rule::kPool},
          read_sugarcrepe};
}

}  // namespace fsc
