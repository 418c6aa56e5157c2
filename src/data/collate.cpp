// Stacks images, and lays out texts captions first, then negatives slot by slot.
#include "fsc/data/collate.h"

namespace fsc {

TextLayout text_layout(const Tokenizer& tokenizer, int64_t context_length) {
  return {tokenizer.pad_id(), tokenizer.fills_context() ? context_length : 0};
}

Batch collate(std::vector<Sample> samples, const TextLayout& layout) {
  TORCH_CHECK(!samples.empty(), "collate needs samples");
  const auto B = static_cast<int64_t>(samples.size());
  const auto N = static_cast<int64_t>(samples[0].negatives.size());
  Batch batch;
  std::vector<const TokenIds*> texts;
  std::vector<int64_t> owner;
  const torch::Tensor negatives_BN = torch::full({B, N}, -1, torch::kInt64);
  auto rows = negatives_BN.accessor<int64_t, 2>();
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
  batch.texts = make_text_rows(texts, layout);
  batch.roles.owner_R = torch::tensor(owner, torch::kInt64);
  batch.roles.add(kCaptions, torch::arange(B).unsqueeze(1));
  batch.roles.add(kNegatives, negatives_BN);
  std::vector<torch::Tensor> images;
  for (auto& sample : samples) {
    images.push_back(sample.image);
    batch.keys.push_back(std::move(sample.key));
  }
  batch.images = torch::stack(images);
  return batch;
}

}  // namespace fsc
