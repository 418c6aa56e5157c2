// One image, several captions: is the true one the best?
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
  explicit CaptionChoiceTask(CaptionChoiceItems items) : items_(std::move(items)) {}

  TaskResult score(const Embeddings& embeddings) const override {
    const torch::Tensor images = embeddings.images_ID.contiguous(), texts = embeddings.texts_UD.contiguous();
    const int64_t size = images.size(1);
    std::vector<Count> subtasks(items_.subtasks.size()), categories;
    TaskResult result;
    double chance = 0;
    for (const auto& item : items_.items) {
      const auto& subtask = items_.subtasks[item.subtask];
      const float* image = images.data_ptr<float>() + item.image * size;
      const auto cosine = [&](int64_t text) { return dot(image, texts.data_ptr<float>() + embeddings.row(text) * size, size); };
      const double truth = cosine(item.caption);
      Prediction prediction{subtask.name, item.id, {static_cast<float>(truth)}, true, {}, subtask.category};
      for (const int64_t foil : item.foils) {
        const double other = cosine(foil);
        prediction.scores.push_back(static_cast<float>(other));
        prediction.correct = prediction.correct && truth > other;
      }
      if (categories.size() <= subtask.category) categories.resize(subtask.category + 1);
      for (Count* count : {&subtasks[item.subtask], &categories[subtask.category]})
        count->hits += prediction.correct, ++count->items;
      chance += 100.0 / static_cast<double>(1 + item.foils.size());
      result.predictions.push_back(std::move(prediction));
    }
    for (size_t i = 0; i < subtasks.size(); ++i) result.subtasks.emplace_back(items_.subtasks[i].name, subtasks[i].percent());
    for (const auto& category : categories) result.score += category.percent() / static_cast<double>(categories.size());
    result.interval = mean_interval(categories);
    result.chance = chance / static_cast<double>(items_.items.size());
    return result;
  }

  /// Each subtask keeps the same number of items, so that the score's categories stay as balanced as they can be.
  void keep(int64_t limit, const Inputs& all, Inputs& used) override {
    std::vector<std::vector<size_t>> places(items_.subtasks.size());
    for (size_t i = 0; i < items_.items.size(); ++i) places[items_.items[i].subtask].push_back(i);
    const size_t each = std::max<size_t>(1, static_cast<size_t>(limit) / places.size());
    std::vector<CaptionChoiceItem> kept;
    for (const auto& of_subtask : places)
      for (const size_t i : spread_indices(of_subtask.size(), each)) {
        auto item = items_.items[of_subtask[i]];
        item.image = used.image_of(all, item.image);
        item.caption = used.text_of(all, item.caption);
        for (auto& foil : item.foils) foil = used.text_of(all, foil);
        kept.push_back(std::move(item));
      }
    items_.items = std::move(kept);
  }

 private:
  CaptionChoiceItems items_;
};

}  // namespace

std::unique_ptr<Task> caption_choice_task(CaptionChoiceItems items) {
  TORCH_CHECK(!items.items.empty(), "caption choice without items");
  return std::make_unique<CaptionChoiceTask>(std::move(items));
}

}  // namespace fsc
