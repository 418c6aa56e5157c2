// Counts of operations and bytes against numbers worked out by hand.
#include "fsc/model/cost.h"

#include <gtest/gtest.h>

namespace fsc {
namespace {

TEST(Cost, WorkOfAForwardPass) {
  ArchConfig arch;  // ViT-B/32: 4.41 GMAC an image, 37.8 MMAC a token
  EXPECT_NEAR(forward_work(arch, 1, 0), 4.41e9, 0.05e9);
  EXPECT_NEAR(forward_work(arch, 0, 1), 37.8e6, 0.3e6);
  EXPECT_DOUBLE_EQ(forward_work(arch, 3, 5), 3 * forward_work(arch, 1, 0) + 5 * forward_work(arch, 0, 1));
}

/// 8 images of 2 x 2 patches in a tower of 2 blocks, 10 tokens in one of 3.
ArchConfig small() {
  ArchConfig arch;
  arch.vision = {.image_size = 32, .patch_size = 16, .width = 20, .layers = 2};
  arch.text.width = 30, arch.text.layers = 3;
  return arch;
}
StepSize step() { return {.images = 8, .tokens = 10, .image = {.blocks = 2}, .text = {.blocks = 3}}; }

TEST(Cost, ActivationsOfBothTowers) {
  const double image = 8 * 5 * 20 * 2, text = 10 * 30 * 3;  // vectors' numbers: positions, width, blocks
  EXPECT_DOUBLE_EQ(activation_bytes(small(), step()), 4 * 16 * (image + text));
  StepSize lora = step(), half = step(), parts = step();
  lora.lora = true, half.precision = Precision::kAmpBf16, parts.parts = 4;
  EXPECT_DOUBLE_EQ(activation_bytes(small(), lora), 4 * 10 * (image + text));
  EXPECT_DOUBLE_EQ(activation_bytes(small(), half), 2.5 * 16 * (image + text));
  EXPECT_DOUBLE_EQ(activation_bytes(small(), parts), 16 * (image + text));
}

TEST(Cost, RecomputedAndLockedBlocksKeepLess) {
  const double image = 8 * 5 * 20 * 2, text = 10 * 30 * 3;
  StepSize recomputed = step(), locked = step();
  recomputed.image.recomputed = true;
  EXPECT_DOUBLE_EQ(activation_bytes(small(), recomputed), 4 * (image + 16 * text));
  recomputed.lora = true;
  EXPECT_DOUBLE_EQ(activation_bytes(small(), recomputed), 4 * (image + 10 * text));
  locked.text.blocks = 1;
  EXPECT_DOUBLE_EQ(activation_bytes(small(), locked), 4 * 16 * (image + text / 3));
  locked.image.blocks = locked.text.blocks = 0;
  EXPECT_DOUBLE_EQ(activation_bytes(small(), locked), 0);
}

TEST(Cost, StateInMemoryAndOnDisk) {
  const StateBytes whole = state_bytes(1000, 1000, /*lora=*/false, /*average=*/true);
  EXPECT_DOUBLE_EQ(whole.average, 4000);
  EXPECT_DOUBLE_EQ(whole.memory, 4000 + 4000 + 8000 + 4000) << "weights, gradients, two moments, average";
  EXPECT_DOUBLE_EQ(whole.model_file, 4000);
  EXPECT_DOUBLE_EQ(whole.checkpoint, 4000 + 8000 + 4000);
  EXPECT_EQ(state_bytes(1000, 1000, false, true, /*sharing=*/4).memory, whole.memory - 0.75 * 8 * 1000);
  const StateBytes locked = state_bytes(1000, 100, false, false), lora = state_bytes(1000, 100, true, false);
  EXPECT_DOUBLE_EQ(locked.memory, 4000 + 1200);
  EXPECT_DOUBLE_EQ(locked.checkpoint, 4000 + 800);
  EXPECT_DOUBLE_EQ(lora.memory, locked.memory);
  EXPECT_DOUBLE_EQ(lora.model_file, 400);
  EXPECT_DOUBLE_EQ(lora.checkpoint, 400 + 800);
}

}  // namespace
}  // namespace fsc
