// Rules between the keys of data.*.
#include <gtest/gtest.h>

#include "fsc/data/data_config.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

struct Only {
  DataConfig data;
  void fields(config::Collector& v) { v.group(data, "data"); }
  void validate(config::Problems& problems) const { data.validate(problems); }
};

DataConfig load(const std::string& augment) {
  const test::TempDir dir;
  return config::load<Only>(dir.write("c.yaml", "data:\n  train: {path: t.tsv}\n  augment: " + augment + "\n"), {}).data;
}

TEST(DataConfig, TableIsNeeded) {
  const test::TempDir dir;
  test::expect_error([&] { config::load<Only>(dir.write("c.yaml", ""), {}); }, ExitCode::kUsage, {"data.train.path: is missing"});
}

TEST(DataConfig, Augmentation) {
  EXPECT_FALSE(load("none").augmented);
  EXPECT_TRUE(DataConfig().augmented) << "the official code always crops";
  EXPECT_EQ(DataConfig().augment.scale, (std::vector<double>{0.9, 1.0}));
  const DataConfig on = load("{scale: [0.5, 0.8], color_jitter: [0.4, 0.4, 0.4, 0.1], color_jitter_prob: 0.8}");
  EXPECT_TRUE(on.augmented);
  EXPECT_EQ(on.augment.scale, (std::vector<double>{0.5, 0.8}));
  EXPECT_EQ(on.augment.color_jitter.size(), 4u);
  EXPECT_TRUE(load("{scale: [1, 1], ratio: [1, 1]}").augmented);
}

TEST(DataConfig, AugmentationsMistakes) {
  const auto expect = [](const std::string& augment, const std::vector<std::string>& parts) {
    test::expect_error([&] { load(augment); }, ExitCode::kUsage, parts);
  };
  expect("{scale: 0.5}", {"c.yaml:3: data.augment.scale", "two numbers in rising order"});
  expect("{scale: [0.9, 0.5]}", {"data.augment.scale", "rising order"});
  expect("{scale: [0, 1]}", {"data.augment.scale", "above 0"});
  expect("{scale: [0.5, 1.5]}", {"data.augment.scale", "0 .. 1"});
  expect("{ratio: [2, 1]}", {"data.augment.ratio", "rising order"});
  expect("{ratio: [0, 1]}", {"data.augment.ratio", "> 0"});
  expect("{color_jitter: [0.1, 0.1]}", {"data.augment.color_jitter", "brightness"});
  expect("{color_jitter: [0.1, 0.1, 0.1, 0.6]}", {"data.augment.color_jitter", "hue", "0.5"});
  expect("{color_jitter_prob: 2}", {"data.augment.color_jitter_prob"});
  expect("{scale: [0.9, 0.5], ratio: [2, 1]}", {"has 2 problems"});
}

TEST(DataConfig, Ranges) {
  const test::TempDir dir;
  const auto file =
      dir.write("c.yaml", "data: {train: {path: t.tsv, format: xls}, workers: 0, prefetch: 0, max_bad_samples: 1.5}");
  test::expect_error(
      [&] { config::load<Only>(file, {}); }, ExitCode::kUsage,
      {"has 4 problems", "data.train.format: expected one of tsv, csv", "data.workers", "data.prefetch", "data.max_bad_samples"});
}

}  // namespace
}  // namespace fsc
