// Retrieval ranks against a stable sort, over block borders and with ties.
#include <gtest/gtest.h>
#include <torch/nn/functional/normalization.h>

#include <numeric>

#include "eval_support.h"

namespace fsc {
namespace {

/// Rank of the first own candidate in a stable sort by falling score.
int64_t sorted_rank(const std::vector<double>& scores, const std::vector<bool>& own) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  for (size_t i = 0; i < order.size(); ++i)
    if (own[order[i]]) return static_cast<int64_t>(i);
  return -1;
}

RetrievalItems items_of(const std::vector<size_t>& owner, size_t images) {
  RetrievalItems items;
  for (size_t i = 0; i < images; ++i)
    items.images.push_back(test::image(static_cast<int64_t>(i))), items.image_ids.push_back("img" + std::to_string(i));
  for (size_t c = 0; c < owner.size(); ++c) items.captions.push_back(test::text(static_cast<int64_t>(c)));
  items.owner = owner;
  return items;
}

TEST(Retrieval, EqualsAStableSort) {
  torch::manual_seed(5);
  const size_t images = 300, captions = 700;  // more than one block of queries
  std::vector<size_t> owner;
  for (size_t c = 0; c < captions; ++c) owner.push_back(c < images ? c : c * 7 % images);
  Embeddings embeddings = test::embeddings_of(torch::randn({300, 16}), torch::randn({700, 16}));
  embeddings.images_ID = torch::nn::functional::normalize(embeddings.images_ID + embeddings.texts_UD.slice(0, 0, 300),
                                                          torch::nn::functional::NormalizeFuncOptions().dim(1));
  for (size_t c = 0; c < captions; c += 10) embeddings.text_rows[c] = static_cast<int64_t>(c / 2);  // captions that share tokens
  const TaskResult result = test::result_of(*retrieval_task(items_of(owner, images)), embeddings, {Rule::kMean});

  std::vector<int64_t> i2t, t2i;
  const torch::Tensor product = embeddings.images_ID.matmul(embeddings.texts_UD.t());
  const auto score = [&](size_t i, size_t c) {
    return static_cast<double>(product.data_ptr<float>()[i * captions + static_cast<size_t>(embeddings.text_rows[c])]);
  };
  for (size_t i = 0; i < images; ++i) {
    std::vector<double> scores;
    std::vector<bool> own;
    for (size_t c = 0; c < captions; ++c) scores.push_back(score(i, c)), own.push_back(owner[c] == i);
    i2t.push_back(sorted_rank(scores, own));
  }
  for (size_t c = 0; c < captions; ++c) {
    std::vector<double> scores;
    std::vector<bool> own;
    for (size_t i = 0; i < images; ++i) scores.push_back(score(i, c)), own.push_back(owner[c] == i);
    t2i.push_back(sorted_rank(scores, own));
  }
  ASSERT_EQ(result.outcomes.size(), images + captions);
  for (size_t q = 0; q < images + captions; ++q) {
    const auto& outcome = result.outcomes[q];
    EXPECT_EQ(outcome.more[0].second, q < images ? i2t[q] : t2i[q - images]) << q;
    EXPECT_EQ(outcome.path, std::vector<std::string>{q < images ? "i2t" : "t2i"});
    EXPECT_EQ(outcome.id, q < images ? "img" + std::to_string(q) : std::to_string(q - images));
    EXPECT_EQ(outcome.correct, outcome.more[0].second == 0);
    EXPECT_LE(outcome.scores[0], outcome.scores[1]);
  }
  const auto recall = [](const std::vector<int64_t>& ranks, int64_t k) {
    return 100.0 * static_cast<double>(std::count_if(ranks.begin(), ranks.end(), [k](int64_t r) { return r < k; })) /
           static_cast<double>(ranks.size());
  };
  for (const int64_t k : {1, 5, 10}) {
    EXPECT_DOUBLE_EQ(test::subtask(result, "i2t/R@" + std::to_string(k)), recall(i2t, k));
    EXPECT_DOUBLE_EQ(test::subtask(result, "t2i/R@" + std::to_string(k)), recall(t2i, k));
  }
  EXPECT_DOUBLE_EQ(result.total.score, (recall(i2t, 1) + recall(t2i, 1)) / 2);
  EXPECT_GT(result.total.score, 5);
  EXPECT_LT(result.total.score, 95);
}

TEST(Retrieval, EqualCaptionsRankInTableOrder) {
  // Both images see two captions of the same tokens: the first row wins for both.
  Embeddings embeddings = test::embeddings_of(torch::tensor({{1.0f, 0.2f}, {1.0f, 0.1f}}), torch::tensor({{1.0f, 0.0f}}));
  embeddings.text_rows = {0, 0};
  const TaskResult result = test::result_of(*retrieval_task(items_of({0, 1}, 2)), embeddings, {Rule::kMean});
  EXPECT_EQ(result.outcomes[0].more[0].second, 0);
  EXPECT_EQ(result.outcomes[1].more[0].second, 1);
  EXPECT_EQ(result.outcomes[1].scores[0], result.outcomes[1].scores[1]);
  EXPECT_DOUBLE_EQ(test::subtask(result, "i2t/R@1"), 50);
  EXPECT_DOUBLE_EQ(test::subtask(result, "i2t/R@5"), 100);
  EXPECT_DOUBLE_EQ(result.total.chance, 50);
}

TEST(Retrieval, KeepsWholeImagesAndNamesWhatIsLeft) {
  const auto task = retrieval_task(items_of({2, 0, 1, 0, 3, 2}, 4));
  Inputs whole, half;
  task->add_inputs(whole);
  EXPECT_EQ(whole.texts().size(), 6u);
  task->keep(2);
  task->add_inputs(half);
  EXPECT_EQ(half.images(), (std::vector<ImageRef>{test::image(0), test::image(2)}));
  EXPECT_EQ(half.texts(), (std::vector<std::string>{test::text(1), test::text(3), test::text(0), test::text(5)}))
      << "image by image";
}

TEST(Retrieval, ChanceWithSeveralCaptions) {
  const Embeddings embeddings =
      test::embeddings_of(torch::eye(2), torch::tensor({{1.0f, 0.0f}, {1.0f, 0.1f}, {0.0f, 1.0f}, {1.0f, 0.2f}}));
  const TaskResult result = test::result_of(*retrieval_task(items_of({0, 0, 1, 0}, 2)), embeddings, {Rule::kMean});
  EXPECT_DOUBLE_EQ(result.total.score, 100);
  EXPECT_DOUBLE_EQ(result.total.chance, 100 * ((0.75 + 0.25) / 2 + 0.5) / 2);
}

}  // namespace
}  // namespace fsc
