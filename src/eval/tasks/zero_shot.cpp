// Classification by the class whose prompts are nearest.
#include <torch/nn/functional/normalization.h>

#include <algorithm>
#include <map>

#include "fsc/eval/tasks.h"

namespace fsc {
namespace {

constexpr int64_t kImageBlock = 1024;   // images scored at a time
constexpr size_t kAllScoresUpTo = 100;  // classes whose scores all go into the predictions

template <class T>
std::vector<T> spread(const std::vector<T>& all, size_t limit) {
  std::vector<T> kept;
  for (const size_t i : spread_indices(all.size(), limit)) kept.push_back(all[i]);
  return kept;
}

class ZeroShotTask : public Task {
 public:
  explicit ZeroShotTask(ZeroShotItems items) : items_(std::move(items)) {}

  /// The images are in order of class, so that an even spread takes from all. With many classes few prompts of each are kept.
  void keep(int64_t limit) override {
    items_.images = spread(items_.images, static_cast<size_t>(limit));
    const size_t prompts_each = std::max<size_t>(1, 4 * static_cast<size_t>(limit) / items_.prompts.size());
    for (auto& prompts : items_.prompts) prompts = spread(prompts, prompts_each);
  }

  void add_inputs(Inputs& inputs) const override {
    for (const auto& image : items_.images) inputs.add_image(image.image);
    for (const auto& prompts : items_.prompts)
      for (const auto& prompt : prompts) inputs.add_text(prompt);
  }

  Findings score(const Embeddings& embeddings) const override {
    const size_t classes = items_.prompts.size();
    const auto [weights, column] = class_weights(embeddings);
    std::vector<int64_t> rows;
    for (const auto& image : items_.images) rows.push_back(embeddings.image_row(image.image));
    const torch::Tensor images = embeddings.images_ID.index_select(0, torch::tensor(rows));

    Findings findings;
    std::vector<Count> per_class(classes);
    std::vector<float> scores(classes);
    for (int64_t begin = 0; begin < images.size(0); begin += kImageBlock) {
      const torch::Tensor block =
          images.slice(0, begin, std::min(begin + kImageBlock, images.size(0))).matmul(weights.t()).contiguous();
      for (int64_t i = 0; i < block.size(0); ++i) {
        const float* row = block.data_ptr<float>() + i * block.size(1);
        for (size_t c = 0; c < classes; ++c) scores[c] = row[column[c]];
        const auto& image = items_.images[static_cast<size_t>(begin + i)];
        findings.outcomes.push_back(decide(image, scores));
        auto& count = per_class[static_cast<size_t>(image.label)];
        count.hits += findings.outcomes.back().correct, ++count.items;
      }
    }
    findings.numbers.push_back({{}, "mean_per_class", mean_recall(per_class)});
    return findings;
  }

 private:
  /// Weights of the distinct sets of prompts and each class's row: classes with the same prompts tie exactly.
  std::pair<torch::Tensor, std::vector<size_t>> class_weights(const Embeddings& embeddings) const {
    std::map<std::vector<int64_t>, size_t> seen;
    std::vector<torch::Tensor> weights;
    std::vector<size_t> column;
    for (const auto& prompts : items_.prompts) {
      std::vector<int64_t> rows;
      for (const auto& prompt : prompts) rows.push_back(embeddings.text_row(prompt));
      const auto [it, fresh] = seen.emplace(rows, weights.size());
      if (fresh) {
        const torch::Tensor mean = embeddings.texts_UD.index_select(0, torch::tensor(rows)).mean(0);
        weights.push_back(torch::nn::functional::normalize(mean, torch::nn::functional::NormalizeFuncOptions().dim(0)));
      }
      column.push_back(it->second);
    }
    return {torch::stack(weights), column};
  }

  /// Place of `label` when the scores are sorted by a stable sort, highest first.
  static int64_t rank_of(const std::vector<float>& scores, size_t label) {
    int64_t rank = 0;
    for (size_t c = 0; c < scores.size(); ++c) rank += scores[c] > scores[label] || (scores[c] == scores[label] && c < label);
    return rank;
  }

  static Outcome decide(const ZeroShotItems::Image& image, const std::vector<float>& scores) {
    const int64_t best = std::max_element(scores.begin(), scores.end()) - scores.begin();  // the first maximum
    Outcome outcome{{},
                    image.id,
                    scores,
                    best == image.label,
                    100.0 / static_cast<double>(scores.size()),
                    {{"label", image.label}, {"prediction", best}}};
    if (scores.size() > 5) outcome.also = {{"top5", rank_of(scores, static_cast<size_t>(image.label)) < 5}};
    if (scores.size() > kAllScoresUpTo)
      outcome.scores = {scores[static_cast<size_t>(image.label)], scores[static_cast<size_t>(best)]};
    return outcome;
  }

  static double mean_recall(const std::vector<Count>& per_class) {
    double sum = 0, present = 0;
    for (const auto& count : per_class)
      if (count.items > 0) sum += count.percent(), ++present;
    return sum / present;
  }

  ZeroShotItems items_;
};

}  // namespace

std::unique_ptr<Task> zero_shot_task(ZeroShotItems items) {
  TORCH_CHECK(!items.images.empty() && !items.prompts.empty(), "zero-shot without images or classes");
  return std::make_unique<ZeroShotTask>(std::move(items));
}

}  // namespace fsc
