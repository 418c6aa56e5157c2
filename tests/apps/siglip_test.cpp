// SigLIP from end to end: trained with its own loss and tokenizer, resumed, evaluated, and what is refused at the start.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "support/golden.h"
#include "support/process.h"
#include "support/small_run.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;
using test::Ended;
using test::read_all;
using test::SmallRun;

const std::string kModel = FSC_TEST_DATA "/models/tiny-siglip.json";
const std::string kTokenizer = FSC_TEST_DATA "/golden/spiece.model";

Ended train_with(const SmallRun& run, const std::vector<std::string>& settings, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"--config", run / "config.yaml"};
  for (const auto& setting : settings) arguments.insert(arguments.end(), {"--set", setting});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return test::run_program("fsc-train", arguments);
}

/// Settings that make a SmallRun one of SigLIP with generated negatives.
std::vector<std::string> siglip(std::vector<std::string> more = {}) {
  std::vector<std::string> settings = {"model.arch=" + kModel,      "model.tokenizer=" + kTokenizer, "loss.name=siglip",
                                       "negatives.source=generate", "negatives.kinds=[shuffle]",     "negatives.per_caption=1"};
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

std::vector<nlohmann::json> metrics(const SmallRun& run) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(run.run() / "metrics.jsonl");
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

void expect_refused(const Ended& ended, int code, const std::string& part) {
  EXPECT_EQ(ended.code, code) << ended.output;
  EXPECT_NE(ended.output.find(part), std::string::npos) << ended.output;
}

TEST(SiglipTraining, RunsResumesToTheSameBytesAndStandsAlone) {
  const SmallRun run;
  const Ended ended = train_with(run, siglip());
  ASSERT_EQ(ended.code, 0) << ended.output;
  const auto lines = metrics(run);
  ASSERT_EQ(lines.size(), 12u);
  for (const auto& line : lines) {
    EXPECT_TRUE(std::isfinite(line["siglip_loss"].get<double>()) && line["global_hn_loss"].get<double>() > 0 &&
                line["local_hn_loss"].get<double>() > 0);
    EXPECT_FALSE(line.contains("clip_loss"));
    EXPECT_NEAR(line["loss"].get<double>(),
                line["siglip_loss"].get<double>() + line["global_hn_loss"].get<double>() + line["local_hn_loss"].get<double>(),
                1e-5);
  }
  EXPECT_NEAR(lines[0]["logit_scale"].get<double>(), std::log(10.0), 1e-6);
  EXPECT_LT(lines.back()["loss"].get<double>(), lines[0]["loss"].get<double>());

  const std::string whole = read_all(run.run() / "model.safetensors");
  EXPECT_EQ(read_all(run.run() / "spiece.model"), read_all(kTokenizer));
  EXPECT_EQ(read_all(run.run() / "checkpoints/step_8/spiece.model"), read_all(kTokenizer));
  for (const char* later : {"checkpoints/step_10", "checkpoints/step_12", "model.safetensors"}) fs::remove_all(run.run() / later);
  const Ended resumed = train_with(run, siglip(), {"--resume", "auto"});
  ASSERT_EQ(resumed.code, 0) << resumed.output;
  EXPECT_TRUE(read_all(run.run() / "model.safetensors") == whole) << "the weights differ";

  const fs::path next = run / "next";
  const Ended again = train_with(run, {"model.arch=", "model.pretrained=" + run.run().string(), "loss.name=siglip",
                                       "output.dir=" + next.string(), "train.max_steps=1", "negatives.source=none"});
  ASSERT_EQ(again.code, 0) << again.output;
  EXPECT_TRUE(fs::exists(next / "spiece.model"));
}

TEST(SiglipTraining, AccumulationAndCheckpointingFollowTheBigBatch) {
  const SmallRun run;
  ASSERT_EQ(train_with(run, siglip({"train.max_steps=3"})).code, 0);
  const auto want = metrics(run);
  const SmallRun other;
  const Ended ended = train_with(
      other, siglip({"train.max_steps=3", "train.batch_size=2", "train.accum_freq=2", "train.grad_checkpointing=true"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  const auto got = metrics(other);
  for (size_t i = 0; i < 3; ++i) {
    for (const char* key : {"loss", "siglip_loss", "local_hn_loss", "grad_norm"})
      EXPECT_NEAR(got[i][key].get<double>(), want[i][key].get<double>(), 1e-3 * (1 + std::abs(want[i][key].get<double>())))
          << key;
  }
}

TEST(SiglipTraining, OtherLossesLeaveTheBiasAlone) {
  for (const std::string loss : {"fsc", "clip"}) {
    const SmallRun run;
    const Ended ended = train_with(run, siglip({"loss.name=" + loss, "train.max_steps=2"}));
    ASSERT_EQ(ended.code, 0) << ended.output;
    EXPECT_NE(ended.output.find("logit_bias stays as it is"), std::string::npos) << ended.output;
    const std::string bytes = read_all(run.run() / "model.safetensors");
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof length);
    const auto place = nlohmann::json::parse(bytes.substr(8, length))["logit_bias"]["data_offsets"][0].get<size_t>();
    float bias = 0;
    std::memcpy(&bias, bytes.data() + 8 + length + place, sizeof bias);
    EXPECT_EQ(bias, -10);
  }
}

TEST(SiglipTraining, WithoutNegativesOnlyTheSigmoidLossIsLeft) {
  const SmallRun run;
  const Ended ended = train_with(run, siglip({"negatives.source=none", "train.max_steps=1"}));
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_FALSE(metrics(run)[0].contains("local_hn_loss"));
  EXPECT_EQ(metrics(run)[0]["loss"], metrics(run)[0]["siglip_loss"]);
}

TEST(SiglipTraining, WhatDoesNotFitIsSaidAtTheStart) {
  const SmallRun run;
  expect_refused(train_with(run, siglip({"model.tokenizer="})), 2, "model.tokenizer (fsc-train)");
  expect_refused(train_with(run, siglip({"model.tokenizer=" FSC_TEST_DATA "/golden/gemma.model"})), 2,
                 "has 512 token embeddings");
  expect_refused(train_with(run, siglip({"model.tokenizer=" + kModel})), 1, "is not a sentencepiece model");
  expect_refused(train_with(run, {"loss.name=siglip"}), 2, "\"init_logit_bias\": -10");
  expect_refused(train_with(run, {"model.tokenizer=" + kTokenizer}), 2, "CLIP's own tokenizer");
}

TEST(SiglipTraining, ClipWithABiasOfItsOwnTrainsWithTheSigmoidLoss) {
  const SmallRun run;
  auto model = nlohmann::json::parse(read_all(run / "model.json"));
  model["init_logit_bias"] = -10;
  run.write("biased.json", model.dump());
  const Ended ended = train_with(run, {"model.arch=" + (run / "biased.json").string(), "loss.name=siglip", "train.max_steps=2"});
  ASSERT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(metrics(run)[0].contains("siglip_loss"));
}

}  // namespace
}  // namespace fsc
