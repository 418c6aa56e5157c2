// Packs texts caption first, then negatives slot by slot, and cuts the width to the longest of them where the padding is unseen.
#include "fsc/data/collate.h"

namespace fsc {

namespace {

/// The ids, and which of them are valid, of texts in rows.
void pack_texts(const std::vector<const std::vector<int64_t>*>& texts, const TextLayout& layout, Batch& batch) {
  int64_t width = layout.width;
  if (width == 0)
    for (const auto* text : texts) width = std::max(width, static_cast<int64_t>(text->size()));
  const auto R = static_cast<int64_t>(texts.size());
  batch.text_ids = torch::full({R, width}, layout.pad_id, torch::kInt64);
  batch.text_valid = torch::zeros({R, width}, torch::kBool);
  for (int64_t r = 0; r < R; ++r) {
    const auto length = static_cast<int64_t>(texts[r]->size());
    TORCH_CHECK(length <= width, "a text of ", length, " tokens in a context of ", width);
    std::copy(texts[r]->begin(), texts[r]->end(), batch.text_ids.data_ptr<int64_t>() + r * width);
    if (layout.width > 0) batch.text_valid[r].slice(0, 0, length).fill_(true);
  }
  if (layout.width > 0) return;
  batch.text_valid = batch.text_ids > 0;
  batch.text_valid.select(1, 0).fill_(false);  // SOT
}

}  // namespace

TextLayout TextLayout::of(const Tokenizer& tokenizer, int64_t context_length) {
  return {tokenizer.pad_id(), tokenizer.fills_context() ? context_length : 0};
}

Batch collate(std::vector<Sample> samples, const TextLayout& layout) {
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
  pack_texts(texts, layout, batch);
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
