// One image, several captions: is the true one the best?
#include <algorithm>
#include <map>

#include "fsc/eval/tasks.h"

namespace fsc {
namespace {

/// A plain sum in double: rounds the same way wherever the vectors lie, so equal captions tie exactly.
double dot(const float* a, const float* b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

class CaptionChoiceTask : public Task {
 public:
  explicit CaptionChoiceTask(std::vector<CaptionChoiceItem> items) : items_(std::move(items)) {}

  /// Each part keeps the same number of items, so that the score's parts stay as balanced as they can be.
  void keep(int64_t limit) override {
    std::map<std::vector<std::string>, size_t> seen;
    std::vector<std::vector<size_t>> parts;  // places of each part's items
    for (size_t i = 0; i < items_.size(); ++i) {
      const auto [it, fresh] = seen.emplace(items_[i].path, parts.size());
      if (fresh) parts.emplace_back();
      parts[it->second].push_back(i);
    }
    const size_t each = std::max<size_t>(1, static_cast<size_t>(limit) / parts.size());
    std::vector<CaptionChoiceItem> kept;
    for (const auto& part : parts)
      for (const size_t i : spread_indices(part.size(), each)) kept.push_back(std::move(items_[part[i]]));
    items_ = std::move(kept);
  }

  void add_inputs(Inputs& inputs) const override {
    for (const auto& item : items_) {
      inputs.add_image(item.image);
      inputs.add_text(item.caption);
      for (const auto& foil : item.foils) inputs.add_text(foil);
    }
  }

  Findings score(const Embeddings& embeddings) const override {
    const torch::Tensor images = embeddings.images_ID.contiguous(), texts = embeddings.texts_UD.contiguous();
    const int64_t size = images.size(1);
    Findings findings;
    for (const auto& item : items_) {
      const float* image = images.data_ptr<float>() + embeddings.image_row(item.image) * size;
      const auto cosine = [&](const std::string& text) {
        return dot(image, texts.data_ptr<float>() + embeddings.text_row(text) * size, size);
      };
      const double truth = cosine(item.caption);
      Outcome outcome{item.path, item.id, {static_cast<float>(truth)}, true, 100.0 / static_cast<double>(1 + item.foils.size())};
      for (const auto& foil : item.foils) {
        const double other = cosine(foil);
        outcome.scores.push_back(static_cast<float>(other));
        outcome.correct = outcome.correct && truth > other;
      }
      findings.outcomes.push_back(std::move(outcome));
    }
    return findings;
  }

 private:
  std::vector<CaptionChoiceItem> items_;
};

}  // namespace

std::unique_ptr<Task> caption_choice_task(std::vector<CaptionChoiceItem> items) {
  TORCH_CHECK(!items.empty(), "caption choice without items");
  return std::make_unique<CaptionChoiceTask>(std::move(items));
}

}  // namespace fsc
