// Checkpoint folders: written, listed, pruned, verified, and what happens to damaged ones.
#include <gtest/gtest.h>

#include "fsc/core/error.h"
#include "fsc/io/safetensors.h"
#include "fsc/train/checkpoint.h"
#include "fsc/weights/model_folder.h"
#include "support/fill.h"
#include "support/golden.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {
namespace fs = std::filesystem;

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() : model_(ArchConfig::load(FSC_TEST_DATA "/models/tiny.json")) {
    test::fill_model(*model_);
    optimizer_.add("exp_avg.logit_scale", torch::tensor(0.25f));
  }
  void save(int64_t step, int64_t keep_last = 0) {
    Checkpoint checkpoint;
    checkpoint.state = {
        .step = step, .data = {.batch = step, .epoch = step / 3, .draw = 4 * step}, .skipped_in_a_row = 1, .skipped_total = 2};
    checkpoint.config_yaml = "train: {seed: 7}\n";
    checkpoint.data_fingerprint = "abc";
    save_checkpoint(run_.path(), checkpoint, {{model_->arch(), default_preprocess(model_->arch())}, &*model_}, optimizer_,
                    keep_last);
  }
  fs::path step(int64_t n) const { return run_.path() / "checkpoints" / ("step_" + std::to_string(n)); }
  void damage(const fs::path& file) const {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(-1, std::ios::end);
    bytes.put('\x5a');
  }

  test::TempDir run_;
  ClipModel model_;
  StateDict optimizer_;
};

TEST_F(CheckpointTest, ReadsBackWhatWasSaved) {
  save(6);
  const auto checkpoint = open_checkpoint(step(6));
  EXPECT_EQ(checkpoint.state.step, 6);
  EXPECT_EQ(checkpoint.state.data.epoch, 2);
  EXPECT_EQ(checkpoint.state.data.draw, 24);
  EXPECT_EQ(checkpoint.state.skipped_in_a_row, 1);
  EXPECT_EQ(checkpoint.state.skipped_total, 2);
  EXPECT_EQ(checkpoint.config_yaml, "train: {seed: 7}\n");
  EXPECT_EQ(checkpoint.data_fingerprint, "abc");
  const auto loaded = load_model(step(6));
  for (const auto& item : model_->named_parameters())
    EXPECT_TRUE(torch::equal(item.value(), loaded.model->named_parameters()[item.key()])) << item.key();
  EXPECT_EQ(read_safetensors(step(6) / kOptimizerFile).find("exp_avg.logit_scale")->item<float>(), 0.25f);
}

TEST_F(CheckpointTest, KeepsTheNewestOnly) {
  for (int64_t n : {2, 10, 9, 30}) save(n, 2);
  const auto folders = list_checkpoints(run_.path());
  ASSERT_EQ(folders.size(), 2u);
  EXPECT_EQ(folders[0], step(30));
  EXPECT_EQ(folders[1], step(10));  // by number, not by name
}

TEST_F(CheckpointTest, DamagedNewestFallsBack) {
  save(2);
  save(4);
  damage(step(4) / kModelFile);
  const auto checkpoint = find_checkpoint(run_.path());
  ASSERT_TRUE(checkpoint.has_value());
  EXPECT_EQ(checkpoint->state.step, 2);
  EXPECT_THROW(find_checkpoint(step(4)), Error);  // named, it must be whole
}

TEST_F(CheckpointTest, WhatIsPassedOverIsSetAside) {
  for (const int64_t n : {2, 4, 6}) save(n);
  damage(step(4) / kModelFile);
  damage(step(6) / kModelFile);
  fs::create_directories(step(4).string() + ".damaged");  // of an earlier time
  set_aside_others(run_.path(), *find_checkpoint(run_.path()));
  EXPECT_EQ(list_checkpoints(run_.path()), std::vector<fs::path>{step(2)});
  for (const char* name : {"step_4.damaged-2", "step_6.damaged"})
    EXPECT_TRUE(fs::exists(run_.path() / "checkpoints" / name / kModelFile)) << name;
  EXPECT_FALSE(fs::exists(run_.path() / "checkpoints/left_at_step_2"));
}

TEST_F(CheckpointTest, LaterOnesAreSetAsideAndSurviveKeepLast) {
  for (int time = 1; time <= 2; ++time) {
    for (const int64_t n : {1, 2, 4, 6}) save(n);
    set_aside_others(run_.path(), open_checkpoint(step(2)));
    save(3, 1);
    EXPECT_EQ(list_checkpoints(run_.path()), std::vector<fs::path>{step(3)});
    EXPECT_EQ(find_checkpoint(run_.path())->state.step, 3);
    const fs::path left = run_.path() / "checkpoints" / (time == 1 ? "left_at_step_2" : "left_at_step_2-2");
    EXPECT_EQ(open_checkpoint(left / "step_4").state.step, 4);
    EXPECT_EQ(open_checkpoint(left / "step_6").state.step, 6);
  }
}

TEST_F(CheckpointTest, OfAnotherRunNothingOfThisOneIsGoneOnFrom) {
  const test::TempDir other;
  for (const int64_t n : {2, 4}) save(n);
  fs::copy(step(4), other / "step_4", fs::copy_options::recursive);
  EXPECT_TRUE(is_checkpoint_of(run_.path(), step(4)));
  EXPECT_FALSE(is_checkpoint_of(run_.path(), other / "step_4"));
  set_aside_others(run_.path(), open_checkpoint(other / "step_4"));
  EXPECT_TRUE(list_checkpoints(run_.path()).empty());
  EXPECT_EQ(open_checkpoint(run_.path() / "checkpoints/left_at_step_4/step_2").state.step, 2);
}

TEST_F(CheckpointTest, EveryFileIsVerified) {
  for (const char* name : {kModelFile, kModelConfigFile, kOptimizerFile}) {
    save(2);
    damage(step(2) / name);
    try {
      open_checkpoint(step(2));
      ADD_FAILURE() << name << " was taken though damaged";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
    }
    fs::remove(step(2) / name);
    EXPECT_THROW(open_checkpoint(step(2)), Error) << name << " missing";
    fs::remove_all(step(2));
  }
}

TEST_F(CheckpointTest, DamagedStateIsNoRawExceptionText) {
  save(2);
  for (const std::string text : {"", "{", "[]", "{\"format\": 99}", "{\"format\": 1}", "{\"format\": \"one\"}"}) {
    std::ofstream(step(2) / kStateFile) << text;
    EXPECT_THROW(open_checkpoint(step(2)), Error) << text;
  }
  EXPECT_THROW(find_checkpoint(run_.path()), Error) << "all are damaged";
}

TEST_F(CheckpointTest, NothingToFind) {
  EXPECT_FALSE(find_checkpoint(run_.path()).has_value());
  EXPECT_TRUE(list_checkpoints(run_ / "nowhere").empty());
  fs::create_directories(run_ / "checkpoints/step_x");
  fs::create_directories(run_ / "checkpoints/.step_3.tmp77");
  EXPECT_TRUE(list_checkpoints(run_.path()).empty());
}

TEST_F(CheckpointTest, SavingTwiceGivesTheSameBytes) {
  save(2);
  const auto first = test::read_all(step(2) / kModelFile), state = test::read_all(step(2) / kStateFile);
  save(2);
  EXPECT_EQ(test::read_all(step(2) / kModelFile), first);
  EXPECT_EQ(test::read_all(step(2) / kStateFile), state);
}

}  // namespace
}  // namespace fsc
