// Caption choice: decisions, pooling and ties against hand counts.
#include <gtest/gtest.h>

#include "eval_support.h"

namespace fsc {
namespace {

using test::image;
using test::text;

/// Texts 0 and 1 along the axes, 2 between them; images 0 and 1 along the axes.
Embeddings axes() {
  return test::embeddings_of(torch::tensor({{1.0f, 0.1f}, {0.1f, 1.0f}}),
                             torch::tensor({{1.0f, 0.0f}, {0.0f, 1.0f}, {1.0f, 1.0f}}));
}

TEST(CaptionChoice, PoolsItemsWithinACategory) {
  const std::vector<std::string> a = {"replace", "replace_a"}, b = {"replace", "replace_b"}, swap = {"swap"};
  const auto task = caption_choice_task({{a, "x", image(0), text(0), {text(1)}},
                                         {a, "y", image(0), text(1), {text(0)}},
                                         {a, "z", image(1), text(1), {text(0)}},
                                         {b, "0", image(1), text(0), {text(1)}},
                                         {swap, "7", image(0), text(0), {text(2)}}});
  const TaskResult result = test::result_of(*task, axes(), {Rule::kMean, Rule::kPool});
  EXPECT_NEAR(test::subtask(result, "replace_a"), 200.0 / 3, 1e-9);
  EXPECT_DOUBLE_EQ(test::subtask(result, "replace_b"), 0);
  EXPECT_DOUBLE_EQ(test::subtask(result, "swap"), 100);
  EXPECT_NEAR(result.total.score, (100.0 * 2 / 4 + 100.0) / 2, 1e-9);  // not the mean of three subtasks
  EXPECT_DOUBLE_EQ(result.total.chance, 50);
  ASSERT_EQ(result.outcomes.size(), 5u);
  EXPECT_EQ(result.outcomes[1].path, a);
  EXPECT_EQ(result.outcomes[1].id, "y");
  EXPECT_FALSE(result.outcomes[1].correct);
  ASSERT_EQ(result.outcomes[0].scores.size(), 2u);
  EXPECT_NEAR(result.outcomes[0].scores[0], 1 / std::sqrt(1.01), 1e-6);
  EXPECT_NEAR(result.outcomes[0].scores[1], 0.1 / std::sqrt(1.01), 1e-6);
  EXPECT_LT(result.total.interval.low, result.total.score);
  EXPECT_GT(result.total.interval.high, result.total.score);
}

TEST(CaptionChoice, ATieIsWrong) {
  const auto task = caption_choice_task({{{"s"}, "same text", image(0), text(0), {text(0)}},  //
                                         {{"s"}, "same tokens", image(0), text(0), {text(1)}}});
  Embeddings embeddings = axes();
  embeddings.text_rows = {2, 2, 0};  // texts 0 and 1 have the same tokens
  const TaskResult result = test::result_of(*task, embeddings, {Rule::kMean});
  ASSERT_EQ(result.outcomes.size(), 2u);
  for (const auto& outcome : result.outcomes) {
    EXPECT_FALSE(outcome.correct) << outcome.id;
    EXPECT_EQ(outcome.scores[0], outcome.scores[1]);
  }
}

TEST(CaptionChoice, EveryFoilMustLose) {
  const auto task = caption_choice_task({{{"s"}, "a", image(0), text(2), {text(1)}},
                                         {{"s"}, "b", image(0), text(2), {text(1), text(0)}},
                                         {{"s"}, "c", image(0), text(0), {text(1), text(2)}}});
  const TaskResult result = test::result_of(*task, axes(), {Rule::kMean});
  EXPECT_TRUE(result.outcomes[0].correct);
  EXPECT_FALSE(result.outcomes[1].correct);
  EXPECT_TRUE(result.outcomes[2].correct);
  EXPECT_NEAR(result.total.chance, (50.0 + 2 * 100.0 / 3) / 3, 1e-9);
}

TEST(CaptionChoice, KeepsTheSameNumberOfEachPartAndNamesWhatIsLeft) {
  std::vector<CaptionChoiceItem> items;
  for (int64_t i = 0; i < 6; ++i) items.push_back({{"six"}, std::to_string(i), image(i), text(i), {text(10 + i)}});
  for (int64_t i = 6; i < 8; ++i) items.push_back({{"two"}, std::to_string(i), image(i), text(i), {text(0)}});
  const auto task = caption_choice_task(std::move(items));
  task->keep(4);
  Inputs inputs;
  task->add_inputs(inputs);
  EXPECT_EQ(inputs.images(), (std::vector<ImageRef>{image(0), image(3), image(6), image(7)}));
  EXPECT_EQ(inputs.texts(), (std::vector<std::string>{text(0), text(10), text(3), text(13), text(6), text(7)}));
}

}  // namespace
}  // namespace fsc
