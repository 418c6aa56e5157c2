// fsc-train's config: every file that is shipped, the contract's keys, and the rules between groups.
#include <gtest/gtest.h>

#include <filesystem>

#include "fsc/core/error.h"
#include "fsc/train/run_config.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;

RunConfig parse(const std::string& yaml) {
  const test::TempDir dir;
  return config::load<RunConfig>(dir.write("c.yaml", yaml), {});
}

std::string message(const std::string& yaml) {
  try {
    parse(yaml);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(RunConfig, ShippedConfigsAreValidAndSurviveARoundTrip) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(FSC_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    auto loaded = config::load<RunConfig>(entry.path(), {});
    const std::string text = config::to_yaml(config::fields_of(loaded));
    auto again = parse(text);
    EXPECT_TRUE(config::diff(config::fields_of(loaded), config::fields_of(again)).empty()) << entry.path();
    EXPECT_EQ(config::to_yaml(config::fields_of(again)), text) << entry.path();
  }
  EXPECT_GE(count, 4);
}

TEST(RunConfig, DefaultsAreTheContracts) {
  const auto c = parse("model: {arch: ViT-B-32}\ndata: {train: {path: t.tsv}}\nnegatives: {source: column}\n");
  EXPECT_EQ(c.loss.name, LossName::kFsc);
  EXPECT_EQ(c.loss.global_hn_weight, 0.5);
  EXPECT_EQ(c.loss.local_hn_weight, 0.2);
  EXPECT_EQ(c.loss.focal_gamma, 2.0);
  EXPECT_EQ(c.loss.label_smoothing, 0.02);
  EXPECT_EQ(c.loss.similarity_normalizer, SimilarityNormalizer::kMinmax);
  EXPECT_FALSE(c.loss.sparsify);
  EXPECT_EQ(c.optim.lr, 5e-6);
  EXPECT_EQ(c.optim.weight_decay, 0.1);
  EXPECT_EQ(c.optim.beta1, 0.9);
  EXPECT_EQ(c.optim.beta2, 0.98);
  EXPECT_EQ(c.optim.eps, 1e-6);
  EXPECT_EQ(c.optim.schedule, Schedule::kCosine);
  EXPECT_EQ(c.optim.warmup_steps, 50);
  EXPECT_EQ(c.optim.grad_clip, 0.0);
  EXPECT_TRUE(c.data.shuffle);
  EXPECT_EQ(c.data.train[0].image_column, "filepath");
  EXPECT_EQ(c.data.train[0].caption_column, "title");
  EXPECT_EQ(c.data.max_bad_samples, 0.01);
  EXPECT_TRUE(c.data.augmented);
  EXPECT_EQ(c.data.augment.scale, (std::vector<double>{0.9, 1.0}));
  EXPECT_EQ(c.data.augment.ratio, (std::vector<double>{3. / 4, 4. / 3}));
  EXPECT_EQ(c.data.avoid_duplicates, AvoidDuplicates::kFalse);
  EXPECT_FALSE(c.negatives.avoid_batch_captions);
  EXPECT_EQ(c.negatives.kinds, (std::vector<std::string>{"swap", "replace", "shuffle"}));
  EXPECT_EQ(c.loss.missing_negatives, MissingNegatives::kReference);
  EXPECT_EQ(c.model.lora.alpha, 1.0);
  EXPECT_EQ(c.model.lora.init, LoraInit::kReference);
  EXPECT_EQ(c.train.ema_decay, 0.0);
  EXPECT_FALSE(c.guard.is_on());
  EXPECT_EQ(c.negatives.column, "neg_caption");
  EXPECT_EQ(c.negatives.per_caption, 3);
  EXPECT_EQ(c.train.device, "auto");
  EXPECT_TRUE(c.train.tf32);
  EXPECT_EQ(c.train.kernels, Kernels::kFused);
  EXPECT_EQ(c.train.verify_kernels, 0);
}

TEST(RunConfig, FscNeedsNegatives) {
  const std::string text = message("model: {arch: ViT-B-32}\ndata: {train: {path: t.tsv}}\nnegatives: {source: none}\n");
  EXPECT_NE(text.find("negatives.source"), std::string::npos) << text;
  EXPECT_EQ(message("model: {arch: ViT-B-32}\ndata: {train: {path: t.tsv}}\nloss: {name: clip}\n"), "");
  EXPECT_EQ(message("model: {arch: ViT-B-32}\ndata: {train: {path: t.tsv}}\nloss: {global_hn_weight: 0, local_hn_weight: 0}\n"),
            "");
}

TEST(RunConfig, OnlyFusedKernelsCanBeVerified) {
  const std::string config = "model: {arch: ViT-B-32}\ndata: {train: {path: t.tsv}}\nnegatives: {source: column}\n";
  EXPECT_EQ(message(config + "train: {verify_kernels: 100}\n"), "");
  EXPECT_EQ(message(config + "train: {kernels: reference}\n"), "");
  const std::string text = message(config + "train: {kernels: reference, verify_kernels: 100}\n");
  EXPECT_NE(text.find("train.verify_kernels"), std::string::npos) << text;
  EXPECT_NE(message(config + "train: {kernels: fast}\n").find("train.kernels"), std::string::npos);
}

TEST(RunConfig, AllMistakesAreToldAtOnce) {
  const std::string text = message(
      "model: {arch: ViT-B-32}\ndata: {train: {path: t.tsv}}\nnegatives: {source: column}\noptim:\n  lr: -1\n  lrr: 3\ntrain: "
      "{batch_sise: 8}\n");
  EXPECT_NE(text.find("optim.lr"), std::string::npos) << text;
  EXPECT_NE(text.find("optim.lrr"), std::string::npos) << text;
  EXPECT_NE(text.find("train.batch_size"), std::string::npos) << "suggests the nearest key: " << text;
  EXPECT_NE(text.find(":5"), std::string::npos) << "names the line: " << text;
}

TEST(RunConfig, ModelIsNeeded) {
  EXPECT_NE(message("data: {train: {path: t.tsv}}\nloss: {name: clip}\n").find("model.arch"), std::string::npos);
}

}  // namespace
}  // namespace fsc
