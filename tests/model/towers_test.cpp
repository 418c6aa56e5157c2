// Places of parameters, and locking: what stays trainable, and that frozen blocks leave no graph.
#include "fsc/model/towers.h"

#include <gtest/gtest.h>
#include <torch/csrc/autograd/function.h>

#include <set>

#include "fsc/core/error.h"
#include "support/expect_error.h"
#include "support/fill.h"
#include "support/text_rows.h"

namespace fsc {
namespace {

using torch::Tensor;

ClipModel tiny_towers() {
  ClipModel model(ArchConfig::load(FSC_TEST_DATA "/models/tiny-quickgelu.json"));
  test::fill_model(*model);
  return model;
}

TEST(Towers, PlacesFollowOpenClipsNames) {
  const ArchConfig arch = ArchConfig::load("ViT-B-32");
  struct Case {
    const char* name;
    Tower tower;
    int64_t layer;
  };
  for (const auto& [name, tower, layer] :
       std::initializer_list<Case>{{"visual.conv1.weight", Tower::kImage, 0},
                                   {"visual.class_embedding", Tower::kImage, 0},
                                   {"visual.positional_embedding", Tower::kImage, 0},
                                   {"visual.ln_pre.bias", Tower::kImage, 0},
                                   {"visual.transformer.resblocks.0.ln_1.weight", Tower::kImage, 1},
                                   {"visual.transformer.resblocks.11.attn.in_proj_weight", Tower::kImage, 12},
                                   {"visual.ln_post.weight", Tower::kImage, 13},
                                   {"visual.proj", Tower::kImage, 13},
                                   {"visual.conv1.lora_A", Tower::kImage, 0},
                                   {"token_embedding.weight", Tower::kText, 0},
                                   {"positional_embedding", Tower::kText, 0},
                                   {"transformer.resblocks.10.mlp.c_fc.lora_B", Tower::kText, 11},
                                   {"ln_final.weight", Tower::kText, 13},
                                   {"text_projection", Tower::kText, 13},
                                   {"logit_scale", Tower::kNone, 0},
                                   {"logit_bias", Tower::kNone, 0}}) {
    const TowerLayer place = layer_of(name, arch);
    EXPECT_EQ(place.tower, tower) << name;
    EXPECT_EQ(place.layer, layer) << name;
    EXPECT_EQ(place.blocks, tower == Tower::kNone ? 0 : 12) << name;
  }
}

TEST(Towers, PlacesFollowTimmsNames) {
  const ArchConfig arch = ArchConfig::load(FSC_TEST_DATA "/models/tiny-siglip.json");
  EXPECT_EQ(layer_of("visual.trunk.pos_embed", arch).layer, 0);
  EXPECT_EQ(layer_of("visual.trunk.patch_embed.proj.bias", arch).layer, 0);
  EXPECT_EQ(layer_of("visual.trunk.blocks.1.attn.qkv.weight", arch).layer, 2);
  EXPECT_EQ(layer_of("visual.trunk.norm.weight", arch).layer, arch.vision.layers + 1);
  EXPECT_EQ(layer_of("visual.trunk.attn_pool.latent", arch).layer, arch.vision.layers + 1);
  EXPECT_EQ(layer_of("text.token_embedding.weight", arch).layer, 0);
  EXPECT_EQ(layer_of("text.transformer.resblocks.0.ln_1.bias", arch).layer, 1);
  EXPECT_EQ(layer_of("text.text_projection.bias", arch).layer, arch.text.layers + 1);
  EXPECT_EQ(layer_of("text.text_projection.bias", arch).tower, Tower::kText);
}

TEST(Towers, LocksOneTowerWholly) {
  auto model = tiny_towers();
  lock_tower(*model, Tower::kImage, 0);
  for (const auto& item : model->named_parameters())
    EXPECT_EQ(item.value().requires_grad(), !item.key().starts_with("visual.")) << item.key();
  const Tensor images = test::fill_signed("input.images", {2, 3, 32, 32});
  const auto image = model->encode_images(images, true);
  EXPECT_FALSE(image.features_BD.requires_grad()) << "no graph";
  EXPECT_FALSE(image.tokens_BPD.requires_grad());
  EXPECT_TRUE(model->encode_texts(test::text_rows(test::fill_token_rows("input.ids", 2))).features_RD.requires_grad());
  EXPECT_TRUE(model->logit_scale.requires_grad()) << "it belongs to no tower";
}

TEST(Towers, LeavesTheLastBlocksAndWhatFollows) {
  auto model = tiny_towers();
  lock_tower(*model, Tower::kImage, 1), lock_tower(*model, Tower::kText, 2);
  for (const auto& name : test::trained_names(*model)) {
    const bool image =
        name.starts_with("visual.transformer.resblocks.1.") || name.starts_with("visual.ln_post.") || name == "visual.proj";
    const bool text = name.starts_with("transformer.resblocks.") || name.starts_with("ln_final.") || name == "text_projection";
    EXPECT_TRUE(image || text || name == "logit_scale") << name;
  }
  EXPECT_EQ(test::trained_names(*model).size(), 12u + 3 + 24 + 3 + 1);
}

/// Nodes of a graph that belong to blocks: a layer norm stands for two of them.
int64_t layer_norms_in_graph(const Tensor& root) {
  std::set<torch::autograd::Node*> seen;
  std::vector<torch::autograd::Node*> open{root.grad_fn().get()};
  int64_t count = 0;
  while (!open.empty()) {
    auto* node = open.back();
    open.pop_back();
    if (!node || !seen.insert(node).second) continue;
    if (node->name().find("LayerNorm") != std::string::npos) ++count;
    for (const auto& edge : node->next_edges()) open.push_back(edge.function.get());
  }
  return count;
}

TEST(Towers, FrozenBlocksLeaveNoGraph) {
  const Tensor images = test::fill_signed("input.images", {2, 3, 32, 32});
  auto model = tiny_towers();
  EXPECT_EQ(layer_norms_in_graph(model->encode_images(images).features_BD), 6);  // ln_pre, two in each block, ln_post
  lock_tower(*model, Tower::kImage, 1);
  EXPECT_EQ(layer_norms_in_graph(model->encode_images(images).features_BD), 3);
}

TEST(Towers, CheckpointedBlocksLeaveNoGraph) {
  const Tensor images = test::fill_signed("input.images", {2, 3, 32, 32}), ids_RT = test::fill_token_rows("input.ids", 2);
  const TextRows ids = test::text_rows(ids_RT);
  auto model = tiny_towers();
  EXPECT_EQ(layer_norms_in_graph(model->encode_texts(ids).features_RD), 5);  // two in each block, ln_final
  model->set_grad_checkpointing(true, false);
  EXPECT_EQ(layer_norms_in_graph(model->encode_images(images).features_BD), 2) << "the blocks are computed again, not kept";
  EXPECT_EQ(layer_norms_in_graph(model->encode_texts(ids).features_RD), 5);
  model->set_grad_checkpointing(false, true);
  EXPECT_EQ(layer_norms_in_graph(model->encode_images(images).features_BD), 6);
  EXPECT_EQ(layer_norms_in_graph(model->encode_texts(ids).features_RD), 1);
}

TEST(Towers, LockingWithGradientCheckpointingGivesTheSameGradients) {
  const Tensor images = test::fill_signed("input.images", {2, 3, 32, 32});
  auto plain = tiny_towers(), saving = tiny_towers();
  saving->set_grad_checkpointing(true, true);
  for (auto* model : {&plain, &saving}) {
    lock_tower(**model, Tower::kImage, 1);
    (*model)->encode_images(images).features_BD.select(1, 0).sum().backward();
  }
  const auto a = plain->named_parameters(), b = saving->named_parameters();
  int compared = 0;
  for (const auto& item : a) {
    ASSERT_EQ(item.value().grad().defined(), b[item.key()].grad().defined()) << item.key();
    compared += item.value().grad().defined();
    EXPECT_TRUE(!item.value().grad().defined() || torch::equal(item.value().grad(), b[item.key()].grad())) << item.key();
  }
  EXPECT_EQ(compared, 12 + 3) << "the last block, its norm and the projection";
}

TEST(Towers, MoreBlocksThanThereAre) {
  auto model = tiny_towers();
  test::expect_error([&] { lock_tower(*model, Tower::kText, 3); }, ExitCode::kUsage,
                     {"model.lock_text_unlocked_blocks", "3", "2 blocks"});
}

}  // namespace
}  // namespace fsc
