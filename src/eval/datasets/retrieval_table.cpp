// A tsv or csv table of images and captions as a retrieval benchmark.
#include "detail_datasets.h"
#include "fsc/data/table.h"
#include "fsc/eval/tasks.h"

namespace fsc {

std::unique_ptr<Task> read_retrieval_table(const TaskConfig& config, Inputs& inputs) {
  RetrievalItems items;
  std::unordered_map<int64_t, size_t> places;  // image number -> place in items.images
  for (const auto& pair : read_pairs(config.source)) {
    const int64_t image = inputs.image(pair.image);
    const auto [it, fresh] = places.emplace(image, items.images.size());
    if (fresh) {
      items.images.push_back(image);
      items.image_ids.push_back(pair.key);
    }
    items.captions.push_back(inputs.text(pair.caption));
    items.owner.push_back(it->second);
  }
  return retrieval_task(std::move(items));
}

}  // namespace fsc
