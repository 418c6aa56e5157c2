// Packs texts caption first, then negatives slot by slot, and cuts the width to the longest of them.
#include "fsc/data/collate.h"

namespace fsc {

Batch collate(std::vector<Sample> samples) {
  TORCH_CHECK(!samples.empty(), "collate needs samples");
  const auto B = static_cast<int64_t>(samples.size());
  const auto N = static_cast<int64_t>(samples[0].negatives.size());
  Batch batch;
  std::vector<const std::vector<int64_t>*> texts;
  std::vector<int64_t> owner;
  batch.negative_rows = torch::full({B, N}, -1, torch::kInt64);
  auto rows = batch.negative_rows.accessor<int64_t, 2>();
  for (int64_t i = 0; i < B; ++i) texts.push_back(&samples[i].caption), owner.push_back(i);
  for (int64_t k = 0; k < N; ++k) {
    for (int64_t i = 0; i < B; ++i) {
      const auto& negative = samples[i].negatives[k];
      if (!negative) continue;
      rows[i][k] = static_cast<int64_t>(texts.size());
      texts.push_back(&*negative);
      owner.push_back(i);
    }
  }
  size_t width = 0;
  for (const auto* text : texts) width = std::max(width, text->size());
  const auto R = static_cast<int64_t>(texts.size());
  batch.text_ids = torch::zeros({R, static_cast<int64_t>(width)}, torch::kInt64);
  for (int64_t r = 0; r < R; ++r)
    std::copy(texts[r]->begin(), texts[r]->end(), batch.text_ids.data_ptr<int64_t>() + r * static_cast<int64_t>(width));
  batch.text_valid = batch.text_ids > 0;
  batch.text_valid.select(1, 0).fill_(false);  // SOT
  batch.owner = torch::tensor(owner, torch::kInt64);
  batch.caption_rows = torch::arange(B);
  std::vector<torch::Tensor> images;
  for (auto& sample : samples) {
    images.push_back(sample.image);
    batch.keys.push_back(std::move(sample.key));
  }
  batch.images = torch::stack(images);
  return batch;
}

}  // namespace fsc
