// A tsv or csv table of images and captions as a retrieval benchmark.
#include "fsc/data/table.h"
#include "fsc/eval/tasks.h"

namespace fsc {
namespace {

std::unique_ptr<Task> read_retrieval_table(const TaskConfig& config) {
  RetrievalItems items;
  Inputs distinct;
  for (const auto& pair : read_pairs(config.source)) {
    const ImageRef image(pair.image);
    distinct.add_image(image);
    if (distinct.images().size() > items.images.size()) {
      items.images.push_back(image);
      items.image_ids.push_back(pair.key);
    }
    items.captions.push_back(pair.caption);
    items.owner.push_back(static_cast<size_t>(distinct.image(image)));
  }
  return retrieval_task(std::move(items));
}

}  // namespace

Benchmark retrieval_benchmark() {
  return {"retrieval",
          TaskKind::kRetrieval,
          "a table with one image and caption a row, COCO's or Karpathy's JSON; rows of the same image are its captions",
          {"path"},
          {"format", "image_root", "image_column", "caption_column", "split"},
          {Rule::kMean},
          read_retrieval_table};
}

}  // namespace fsc
