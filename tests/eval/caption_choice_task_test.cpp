// Caption choice: decisions, pooling and ties against hand counts.
#include <gtest/gtest.h>

#include "eval_support.h"

namespace fsc {
namespace {

/// Texts 0 and 1 along the axes, 2 between them; images 0 and 1 along the axes.
Embeddings axes() {
  return test::embeddings_of(torch::tensor({{1.0f, 0.1f}, {0.1f, 1.0f}}),
                             torch::tensor({{1.0f, 0.0f}, {0.0f, 1.0f}, {1.0f, 1.0f}}));
}

TEST(CaptionChoice, PoolsItemsWithinACategory) {
  CaptionChoiceItems items;
  items.subtasks = {{"replace_a", 0}, {"replace_b", 0}, {"swap", 1}};
  items.items = {{0, "x", 0, 0, {1}}, {0, "y", 0, 1, {0}}, {0, "z", 1, 1, {0}}, {1, "0", 1, 0, {1}}, {2, "7", 0, 0, {2}}};
  const TaskResult result = caption_choice_task(items)->score(axes());
  EXPECT_NEAR(test::subtask(result, "replace_a"), 200.0 / 3, 1e-9);
  EXPECT_DOUBLE_EQ(test::subtask(result, "replace_b"), 0);
  EXPECT_DOUBLE_EQ(test::subtask(result, "swap"), 100);
  EXPECT_NEAR(result.score, (100.0 * 2 / 4 + 100.0) / 2, 1e-9);  // not the mean of three subtasks
  EXPECT_DOUBLE_EQ(result.chance, 50);
  ASSERT_EQ(result.predictions.size(), 5u);
  EXPECT_EQ(result.predictions[1].subtask, "replace_a");
  EXPECT_EQ(result.predictions[1].id, "y");
  EXPECT_FALSE(result.predictions[1].correct);
  ASSERT_EQ(result.predictions[0].scores.size(), 2u);
  EXPECT_NEAR(result.predictions[0].scores[0], 1 / std::sqrt(1.01), 1e-6);
  EXPECT_NEAR(result.predictions[0].scores[1], 0.1 / std::sqrt(1.01), 1e-6);
  EXPECT_LT(result.interval.low, result.score);
  EXPECT_GT(result.interval.high, result.score);
}

TEST(CaptionChoice, ATieIsWrong) {
  CaptionChoiceItems items;
  items.subtasks = {{"s", 0}};
  items.items = {{0, "same text", 0, 0, {0}}, {0, "same tokens", 0, 0, {1}}};
  Embeddings embeddings = axes();
  embeddings.text_rows = {2, 2, 0};  // texts 0 and 1 have the same tokens
  const TaskResult result = caption_choice_task(items)->score(embeddings);
  ASSERT_EQ(result.predictions.size(), 2u);
  for (const auto& prediction : result.predictions) {
    EXPECT_FALSE(prediction.correct) << prediction.id;
    EXPECT_EQ(prediction.scores[0], prediction.scores[1]);
  }
}

TEST(CaptionChoice, EveryFoilMustLose) {
  CaptionChoiceItems items;
  items.subtasks = {{"s", 0}};
  items.items = {{0, "a", 0, 2, {1}}, {0, "b", 0, 2, {1, 0}}, {0, "c", 0, 0, {1, 2}}};
  const TaskResult result = caption_choice_task(items)->score(axes());
  EXPECT_TRUE(result.predictions[0].correct);
  EXPECT_FALSE(result.predictions[1].correct);
  EXPECT_TRUE(result.predictions[2].correct);
  EXPECT_NEAR(result.chance, (50.0 + 2 * 100.0 / 3) / 3, 1e-9);
}

}  // namespace
}  // namespace fsc
