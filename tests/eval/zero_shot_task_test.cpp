// Zero-shot classification against a plain computation, with its tie rule.
#include <gtest/gtest.h>

#include "eval_support.h"

namespace fsc {
namespace {

struct World {
  Embeddings embeddings;
  ZeroShotItems items;
};

/// `classes` classes with 3 prompts each and `images` images with labels in turn, in 8 dimensions.
World random_world(int64_t classes, int64_t images) {
  torch::manual_seed(3);
  World world{test::embeddings_of(torch::randn({images, 8}), torch::randn({classes * 3, 8})), {}};
  for (int64_t c = 0; c < classes; ++c)
    world.items.prompts.push_back({test::text(c * 3), test::text(c * 3 + 1), test::text(c * 3 + 2)});
  for (int64_t i = 0; i < images; ++i) world.items.images.push_back({"c/" + std::to_string(i), test::image(i), i * i % classes});
  return world;
}

TaskResult result_of(const World& world) { return test::result_of(*zero_shot_task(world.items), world.embeddings, {}); }

TEST(ZeroShot, EqualsAPlainComputation) {
  const World world = random_world(7, 60);
  const TaskResult result = result_of(world);
  double top1 = 0, top5 = 0;
  std::vector<double> hits(7), seen(7);
  for (int64_t i = 0; i < 60; ++i) {
    std::vector<double> scores;
    for (int64_t c = 0; c < 7; ++c) {
      torch::Tensor mean = torch::zeros(8, torch::kDouble);
      for (int64_t k = 0; k < 3; ++k) mean += world.embeddings.texts_UD[c * 3 + k].to(torch::kDouble);
      scores.push_back((mean / mean.norm()).dot(world.embeddings.images_ID[i].to(torch::kDouble)).item<double>());
    }
    const auto label = static_cast<size_t>(i * i % 7);
    int64_t better = 0, best = 0;
    for (size_t c = 0; c < 7; ++c)
      better += scores[c] > scores[label], best = scores[c] > scores[static_cast<size_t>(best)] ? static_cast<int64_t>(c) : best;
    top1 += better == 0, top5 += better < 5, hits[label] += better == 0, ++seen[label];
    const auto& outcome = result.outcomes[static_cast<size_t>(i)];
    EXPECT_EQ(outcome.correct, better == 0);
    ASSERT_EQ(outcome.scores.size(), 7u);
    for (size_t c = 0; c < 7; ++c) EXPECT_NEAR(outcome.scores[c], scores[c], 1e-6);
    EXPECT_EQ(outcome.more[0].second, static_cast<int64_t>(label));
    EXPECT_EQ(outcome.more[1].second, best);
  }
  double recall = 0, present = 0;
  for (size_t c = 0; c < 7; ++c)
    if (seen[c] > 0) recall += 100 * hits[c] / seen[c], ++present;
  ASSERT_LT(present, 7);  // squares modulo 7 leave classes without images
  EXPECT_NEAR(result.total.score, 100 * top1 / 60, 1e-9);
  EXPECT_NEAR(test::subtask(result, "top5"), 100 * top5 / 60, 1e-9);
  EXPECT_NEAR(test::subtask(result, "mean_per_class"), recall / present, 1e-9);
  EXPECT_NEAR(result.total.chance, 100.0 / 7, 1e-9);
}

TEST(ZeroShot, NoTop5UpToFiveClasses) {
  const World world = random_world(5, 10);
  const TaskResult result = result_of(world);
  const auto subtasks = subtasks_of(result.total);
  ASSERT_EQ(subtasks.size(), 1u);
  EXPECT_EQ(subtasks[0].first, "mean_per_class");
}

TEST(ZeroShot, TheFirstOfEqualClassesWins) {
  World world = random_world(2, 1);
  using test::text;
  world.items.prompts = {{text(3), text(4)}, {text(0), text(1)}, {text(0), text(1)}};
  world.embeddings.images_ID = world.embeddings.texts_UD.slice(0, 0, 2).mean(0, true);
  for (const int64_t label : {1, 2}) {
    world.items.images[0].label = label;
    const TaskResult result = result_of(world);
    EXPECT_EQ(result.outcomes[0].correct, label == 1);
    EXPECT_EQ(result.outcomes[0].scores[1], result.outcomes[0].scores[2]);
  }
}

TEST(ZeroShot, ManyClassesKeepTwoScores) {
  const World world = random_world(101, 5);
  const TaskResult result = result_of(world);
  ASSERT_EQ(result.outcomes.size(), 5u);
  for (const auto& outcome : result.outcomes) {
    ASSERT_EQ(outcome.scores.size(), 2u);
    EXPECT_LE(outcome.scores[0], outcome.scores[1]);
  }
}

TEST(ZeroShot, KeepsAnEvenSpreadAndFewPromptsOfManyClasses) {
  const World world = random_world(8, 9);
  const auto task = zero_shot_task(world.items);
  task->keep(3);
  Inputs inputs;
  task->add_inputs(inputs);
  EXPECT_EQ(inputs.images(), (std::vector<ImageRef>{test::image(0), test::image(3), test::image(6)}));
  ASSERT_EQ(inputs.texts().size(), 8u) << "4 * 3 / 8 prompts of each class";
  EXPECT_EQ(inputs.texts()[1], test::text(3));
}

}  // namespace
}  // namespace fsc
