// Stacks images, and lays out texts group by group, slot by slot.
#include "fsc/data/collate.h"

namespace fsc {
namespace {

/// The batch's texts as they are found, each with its owner.
struct Texts {
  std::vector<const TokenIds*> ids;
  std::vector<int64_t> owner;
};

/// Appends the texts of group number `group`; the row of each [B,N], -1 = missing.
torch::Tensor append_group(const std::vector<Sample>& samples, size_t group, Texts& texts) {
  const TextGroup& first = samples[0].texts[group];
  const auto B = static_cast<int64_t>(samples.size()), N = static_cast<int64_t>(first.slots.size());
  for (const Sample& sample : samples)
    TORCH_CHECK(sample.texts.at(group).name == first.name && sample.texts[group].slots.size() == first.slots.size(), "sample ",
                sample.key, " has other texts than ", samples[0].key, " (", first.name, ")");
  const torch::Tensor rows_BN = torch::full({B, N}, -1, torch::kInt64);
  auto rows = rows_BN.accessor<int64_t, 2>();
  for (int64_t k = 0; k < N; ++k) {
    for (int64_t i = 0; i < B; ++i) {
      const auto& text = samples[static_cast<size_t>(i)].texts[group].slots[static_cast<size_t>(k)];
      if (!text) continue;
      rows[i][k] = static_cast<int64_t>(texts.ids.size());
      texts.ids.push_back(&*text);
      texts.owner.push_back(i);
    }
  }
  return rows_BN;
}

}  // namespace

TextLayout text_layout(const Tokenizer& tokenizer, int64_t context_length) {
  return {tokenizer.pad_id(), tokenizer.fills_context() ? context_length : 0};
}

Batch collate(const std::vector<Sample>& samples, const TextLayout& layout) {
  TORCH_CHECK(!samples.empty(), "collate needs samples");
  Batch batch;
  Texts texts;
  for (size_t group = 0; group < samples[0].texts.size(); ++group) {
    batch.roles.add(samples[0].texts[group].name, append_group(samples, group, texts));
    TORCH_CHECK(group > 0 || texts.ids.size() == samples.size(), "the first group of texts must be the captions");
  }
  batch.texts = make_text_rows(texts.ids, layout);
  batch.roles.owner_R = torch::tensor(texts.owner, torch::kInt64);
  std::vector<torch::Tensor> images;
  for (const Sample& sample : samples) {
    images.push_back(sample.image);
    batch.keys.push_back(sample.key);
  }
  batch.images = torch::stack(images);
  return batch;
}

}  // namespace fsc
