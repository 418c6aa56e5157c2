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
      Prediction prediction{subtask.name, item.id, {static_cast<float>(truth)}, true, {}};
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

 private:
  CaptionChoiceItems items_;
};

}  // namespace

std::unique_ptr<Task> caption_choice_task(CaptionChoiceItems items) {
  TORCH_CHECK(!items.items.empty(), "caption choice without items");
  return std::make_unique<CaptionChoiceTask>(std::move(items));
}

}  // namespace fsc
