// Captions for an image and images for a caption, ranked in blocks so that memory stays bounded.
#include <algorithm>
#include <map>
#include <numeric>

#include "fsc/eval/tasks.h"

namespace fsc {
namespace {

constexpr int64_t kBlock = 256;  // queries ranked at a time

struct Ranked {
  int64_t rank = 0;
  float own = 0, best = 0;
};

/// `column[c]` is the score of candidate c; `own` are the query's own candidates.
Ranked rank_query(const float* scores, const std::vector<int64_t>& column, const std::vector<size_t>& own) {
  const auto score = [&](size_t c) { return scores[column[c]]; };
  Ranked ranked;
  size_t first = own.front();
  for (const size_t c : own)
    if (score(c) > score(first) || (score(c) == score(first) && c < first)) first = c;
  ranked.own = score(first);
  ranked.best = ranked.own;
  for (size_t c = 0; c < column.size(); ++c) {
    ranked.rank += score(c) > ranked.own || (score(c) == ranked.own && c < first);
    ranked.best = std::max(ranked.best, score(c));
  }
  return ranked;
}

/// Ranks of all queries. Candidates that share a row of `candidates_UD` have bit-equal scores.
std::vector<Ranked> rank_all(const torch::Tensor& queries_QD, const torch::Tensor& candidates_UD,
                             const std::vector<int64_t>& column, const std::vector<std::vector<size_t>>& own) {
  std::vector<Ranked> ranked;
  for (int64_t begin = 0; begin < queries_QD.size(0); begin += kBlock) {
    const torch::Tensor block =
        queries_QD.slice(0, begin, std::min(begin + kBlock, queries_QD.size(0))).matmul(candidates_UD.t()).contiguous();
    for (int64_t i = 0; i < block.size(0); ++i)
      ranked.push_back(rank_query(block.data_ptr<float>() + i * block.size(1), column, own[static_cast<size_t>(begin + i)]));
  }
  return ranked;
}

class RetrievalTask : public Task {
 public:
  explicit RetrievalTask(RetrievalItems items) : items_(std::move(items)) { link(); }

  /// Whole images with all their captions.
  void keep(int64_t limit) override {
    RetrievalItems kept;
    for (const size_t i : spread_indices(items_.images.size(), static_cast<size_t>(limit))) {
      for (const size_t c : captions_of_[i]) {
        kept.captions.push_back(items_.captions[c]);
        kept.owner.push_back(kept.images.size());
      }
      kept.images.push_back(items_.images[i]);
      kept.image_ids.push_back(items_.image_ids[i]);
    }
    items_ = std::move(kept);
    link();
  }

  void add_inputs(Inputs& inputs) const override {
    for (const auto& image : items_.images) inputs.add_image(image);
    for (const auto& caption : items_.captions) inputs.add_text(caption);
  }

  Findings score(const Embeddings& embeddings) const override {
    std::vector<int64_t> image_rows, text_rows, image_columns(items_.images.size());
    for (const auto& image : items_.images) image_rows.push_back(embeddings.image_row(image));
    for (const auto& caption : items_.captions) text_rows.push_back(embeddings.text_row(caption));
    std::iota(image_columns.begin(), image_columns.end(), int64_t{0});
    const torch::Tensor images = embeddings.images_ID.index_select(0, torch::tensor(image_rows));
    const torch::Tensor captions = embeddings.texts_UD.index_select(0, torch::tensor(text_rows));

    // Other tasks' texts are left out of the product: only the rows in use, renumbered.
    std::map<int64_t, int64_t> places;
    std::vector<int64_t> used, text_columns;
    for (const int64_t row : text_rows) {
      const auto [it, fresh] = places.emplace(row, static_cast<int64_t>(used.size()));
      if (fresh) used.push_back(row);
      text_columns.push_back(it->second);
    }
    const torch::Tensor distinct = embeddings.texts_UD.index_select(0, torch::tensor(used));

    Findings findings;
    add("i2t", rank_all(images, distinct, text_columns, captions_of_), captions_of_, items_.captions.size(), items_.image_ids,
        findings);
    std::vector<std::string> numbers;
    for (size_t c = 0; c < items_.captions.size(); ++c) numbers.push_back(std::to_string(c));
    add("t2i", rank_all(captions, images, image_columns, image_of_), image_of_, items_.images.size(), numbers, findings);
    findings.chance = chance();
    return findings;
  }

 private:
  /// Who belongs to whom.
  void link() {
    captions_of_.assign(items_.images.size(), {});
    image_of_.clear();
    for (size_t c = 0; c < items_.owner.size(); ++c) {
      captions_of_[items_.owner[c]].push_back(c);
      image_of_.push_back({items_.owner[c]});
    }
  }

  /// Adds one direction's outcomes: `own` are each query's own among so many `candidates`.
  static void add(const std::string& name, const std::vector<Ranked>& ranked, const std::vector<std::vector<size_t>>& own,
                  size_t candidates, const std::vector<std::string>& ids, Findings& findings) {
    for (size_t q = 0; q < ranked.size(); ++q) {
      const int64_t rank = ranked[q].rank;
      const double chance = 100.0 * static_cast<double>(own[q].size()) / static_cast<double>(candidates);
      findings.outcomes.push_back({{name},
                                   ids[q],
                                   {ranked[q].own, ranked[q].best},
                                   rank == 0,
                                   chance,
                                   {{"rank", rank}},
                                   {{"R@1", rank < 1}, {"R@5", rank < 5}, {"R@10", rank < 10}}});
    }
  }

  /// Percent: a random order puts an own caption first with probability own/all, the own image with 1/images.
  double chance() const {
    double i2t = 0;
    for (const auto& own : captions_of_) i2t += static_cast<double>(own.size()) / static_cast<double>(items_.captions.size());
    const double images = static_cast<double>(items_.images.size());
    return 100.0 * (i2t / images + 1.0 / images) / 2;
  }

  RetrievalItems items_;
  std::vector<std::vector<size_t>> captions_of_, image_of_;
};

}  // namespace

std::unique_ptr<Task> retrieval_task(RetrievalItems items) {
  TORCH_CHECK(
      !items.captions.empty() && items.captions.size() == items.owner.size() && items.images.size() == items.image_ids.size(),
      "retrieval items do not fit together");
  return std::make_unique<RetrievalTask>(std::move(items));
}

}  // namespace fsc
