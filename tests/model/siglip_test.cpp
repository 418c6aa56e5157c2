// SigLIP's two towers: open_clip's and timm's names, numbers and gradients, what a dense token is, initial weights, loading.
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "fsc/core/error.h"
#include "fsc/model/clip_model.h"
#include "support/fill.h"
#include "support/golden.h"
#include "support/text_rows.h"

namespace fsc {
namespace {

using torch::Tensor;

// timm 1.0.31's resample_abs_pos_embed (grid 4 to 7 and 2) of fill.py's position embedding: first and last element.
constexpr double kTimmGrid7First = 0.5439769625663757, kTimmGrid7Last = -0.15786686539649963,
                 kTimmGrid2First = -0.0021352278999984264, kTimmGrid2Last = -0.2232031524181366;

ArchConfig siglip_arch(const std::string& variant = "tiny-siglip") {
  return ArchConfig::load(std::string(FSC_TEST_DATA) + "/models/" + variant + ".json");
}
ClipModel siglip_model(const std::string& variant = "tiny-siglip") {
  ClipModel model(siglip_arch(variant));
  test::fill_model(*model);
  return model;
}
Tensor siglip_images() { return test::fill_signed("input.images", {3, 3, 32, 32}, 2.0); }
Tensor siglip_ids() {
  const test::Stream64 stream("siglip.ids");
  Tensor ids = torch::ones({3, 16}, torch::kInt64);  // 1 = padding
  const int64_t ends[] = {5, 9, 12};
  for (int64_t r = 0; r < 3; ++r) {
    for (int64_t c = 0; c < ends[r]; ++c) ids[r][c] = stream.integer(16 * r + c, 2, 509);
  }
  return ids;
}
double siglip_gap(const Tensor& a, const Tensor& b) {
  return (a.to(torch::kFloat64) - b.to(torch::kFloat64)).abs().max().item<double>();
}
Tensor sigmoid_loss_of(ClipModelImpl& model) {
  const Tensor logits =
      model.scale() * model.encode_images(siglip_images())
                          .features_BD.matmul(model.encode_texts(test::full_text_rows(siglip_ids())).features_RD.t()) +
      model.logit_bias;
  return -at::log_sigmoid((2 * torch::eye(3) - 1) * logits).sum() / 3;
}

TEST(Siglip, NamesShapesAndOrderAreOpenClips) {
  const StateDict state = state_dict(*ClipModel(ArchConfig::load("ViT-B-16-SigLIP")));
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state.entries()) {
    const bool later_block = (name.find("blocks.") != std::string::npos) && name.find("blocks.0.") == std::string::npos;
    if (!later_block) names.push_back(name + " " + c10::str(tensor.sizes()));
  }
  const std::vector<std::string> expected = {"logit_scale []",
                                             "logit_bias []",
                                             "visual.trunk.pos_embed [1, 196, 768]",
                                             "visual.trunk.patch_embed.proj.weight [768, 3, 16, 16]",
                                             "visual.trunk.patch_embed.proj.bias [768]",
                                             "visual.trunk.blocks.0.norm1.weight [768]",
                                             "visual.trunk.blocks.0.norm1.bias [768]",
                                             "visual.trunk.blocks.0.attn.qkv.weight [2304, 768]",
                                             "visual.trunk.blocks.0.attn.qkv.bias [2304]",
                                             "visual.trunk.blocks.0.attn.proj.weight [768, 768]",
                                             "visual.trunk.blocks.0.attn.proj.bias [768]",
                                             "visual.trunk.blocks.0.norm2.weight [768]",
                                             "visual.trunk.blocks.0.norm2.bias [768]",
                                             "visual.trunk.blocks.0.mlp.fc1.weight [3072, 768]",
                                             "visual.trunk.blocks.0.mlp.fc1.bias [3072]",
                                             "visual.trunk.blocks.0.mlp.fc2.weight [768, 3072]",
                                             "visual.trunk.blocks.0.mlp.fc2.bias [768]",
                                             "visual.trunk.norm.weight [768]",
                                             "visual.trunk.norm.bias [768]",
                                             "visual.trunk.attn_pool.latent [1, 1, 768]",
                                             "visual.trunk.attn_pool.q.weight [768, 768]",
                                             "visual.trunk.attn_pool.q.bias [768]",
                                             "visual.trunk.attn_pool.kv.weight [1536, 768]",
                                             "visual.trunk.attn_pool.kv.bias [1536]",
                                             "visual.trunk.attn_pool.proj.weight [768, 768]",
                                             "visual.trunk.attn_pool.proj.bias [768]",
                                             "visual.trunk.attn_pool.norm.weight [768]",
                                             "visual.trunk.attn_pool.norm.bias [768]",
                                             "visual.trunk.attn_pool.mlp.fc1.weight [3072, 768]",
                                             "visual.trunk.attn_pool.mlp.fc1.bias [3072]",
                                             "visual.trunk.attn_pool.mlp.fc2.weight [768, 3072]",
                                             "visual.trunk.attn_pool.mlp.fc2.bias [768]",
                                             "text.positional_embedding [64, 768]",
                                             "text.token_embedding.weight [32000, 768]",
                                             "text.transformer.resblocks.0.ln_1.weight [768]",
                                             "text.transformer.resblocks.0.ln_1.bias [768]",
                                             "text.transformer.resblocks.0.attn.in_proj_weight [2304, 768]",
                                             "text.transformer.resblocks.0.attn.in_proj_bias [2304]",
                                             "text.transformer.resblocks.0.attn.out_proj.weight [768, 768]",
                                             "text.transformer.resblocks.0.attn.out_proj.bias [768]",
                                             "text.transformer.resblocks.0.ln_2.weight [768]",
                                             "text.transformer.resblocks.0.ln_2.bias [768]",
                                             "text.transformer.resblocks.0.mlp.c_fc.weight [3072, 768]",
                                             "text.transformer.resblocks.0.mlp.c_fc.bias [3072]",
                                             "text.transformer.resblocks.0.mlp.c_proj.weight [768, 3072]",
                                             "text.transformer.resblocks.0.mlp.c_proj.bias [768]",
                                             "text.ln_final.weight [768]",
                                             "text.ln_final.bias [768]",
                                             "text.text_projection.weight [768, 768]",
                                             "text.text_projection.bias [768]"};
  EXPECT_EQ(names, expected);
  EXPECT_EQ(state.size(), expected.size() + 11 * 24);
}

class SiglipGolden : public testing::TestWithParam<const char*> {};

TEST_P(SiglipGolden, FeaturesAndDenseTokensEqualOpenClips) {
  const std::string v = std::string(GetParam()) + "/";
  const test::Golden golden = test::read_golden("siglip.safetensors");
  const torch::NoGradGuard no_grad;
  ClipModel model = siglip_model(GetParam());
  const EncodedImages images = model->encode_images(siglip_images(), true);
  const EncodedTexts texts = model->encode_texts(test::full_text_rows(siglip_ids()), true);
  EXPECT_LE(siglip_gap(images.features_BD, golden.at(v + "image_features")), 1e-6);
  EXPECT_LE(siglip_gap(texts.features_RD, golden.at(v + "text_features")), 1e-6);
  EXPECT_LE(siglip_gap(images.tokens_BPD, golden.at(v + "image_tokens")), 1e-5);  // un-normalised, of size 3
  EXPECT_LE(siglip_gap(texts.tokens_VD, golden.at(v + "text_tokens").flatten(0, 1)), 1e-5);
  EXPECT_EQ(siglip_gap(images.features_BD, model->encode_images(siglip_images()).features_BD), 0) << "tokens change the feature";
  EXPECT_FALSE(model->encode_images(siglip_images()).tokens_BPD.defined());
}

TEST_P(SiglipGolden, LossAndGradientsEqualOpenClips) {
  const std::string v = std::string(GetParam()) + "/";
  const test::Golden golden = test::read_golden("siglip.safetensors");
  for (const bool recompute : {false, true}) {
    ClipModel model = siglip_model(GetParam());
    model->set_grad_checkpointing(recompute, recompute);
    const Tensor loss = sigmoid_loss_of(*model);
    loss.backward();
    EXPECT_NEAR(loss.item<double>(), golden.at(v + "loss").item<double>(), 2e-6);
    int compared = 0;
    for (const auto& parameter : model->named_parameters()) {
      const auto it = golden.find(v + "grad." + parameter.key());
      if (it == golden.end()) continue;
      EXPECT_LE(siglip_gap(parameter.value().grad(), it->second), 2e-6 + 1e-5 * it->second.abs().max().item<double>())
          << parameter.key();
      ++compared;
    }
    EXPECT_EQ(compared, 13);
  }
}

INSTANTIATE_TEST_SUITE_P(Siglip, SiglipGolden, testing::Values("tiny-siglip", "tiny-siglip2"));

TEST(Siglip, ThePoolOfEqualPatchesIsTheirDenseToken) {
  // With all patches alike the head's attention has nothing to choose: feature and dense token are one.
  ClipModel model = siglip_model();
  const torch::NoGradGuard no_grad;
  for (auto& parameter : model->named_parameters()) {
    if (parameter.key() == "visual.trunk.pos_embed") parameter.value().zero_();
  }
  const EncodedImages images = model->encode_images(torch::full({1, 3, 32, 32}, 0.3), true);
  const Tensor token = images.tokens_BPD[0][5];
  EXPECT_LE(siglip_gap(token / token.norm(), images.features_BD[0]), 1e-6);
}

TEST(Siglip, GeluTanhOfTheImageTowerIsAnotherModel) {
  ArchConfig arch = siglip_arch();
  arch.vision.gelu_tanh = true;
  ClipModel model(arch);
  test::fill_model(*model);
  const torch::NoGradGuard no_grad;
  const double change =
      siglip_gap(model->encode_images(siglip_images()).features_BD, siglip_model()->encode_images(siglip_images()).features_BD);
  EXPECT_GT(change, 1e-6);
  EXPECT_LT(change, 1e-3);
}

TEST(Siglip, TextsHaveToFillTheContext) {
  ClipModel model = siglip_model();
  EXPECT_THROW(model->encode_texts(test::full_text_rows(siglip_ids().slice(1, 0, 12))), c10::Error);
  const torch::NoGradGuard no_grad;
  Tensor ids = siglip_ids();
  const Tensor before = model->encode_texts(test::full_text_rows(ids)).features_RD;
  ids[0][2] = 77;  // an early word is seen by the last position and by all others
  EXPECT_GT(siglip_gap(model->encode_texts(test::full_text_rows(ids)).features_RD[0], before[0]), 1e-3);
  EXPECT_GT(siglip_gap(model->encode_texts(test::full_text_rows(ids), true).tokens_VD[0],
                       model->encode_texts(test::full_text_rows(siglip_ids()), true).tokens_VD[0]),
            1e-3);
}

TEST(Siglip, AutocastIsBfloat16NearFloat32) {
  ClipModel model = siglip_model();
  const torch::NoGradGuard no_grad;
  const Tensor exact = model->encode_images(siglip_images()).features_BD;
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const Tensor lower = model->encode_images(siglip_images()).features_BD;
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_EQ(lower.scalar_type(), torch::kBFloat16);
  EXPECT_LT(siglip_gap(lower, exact), 0.01);
  EXPECT_GT(siglip_gap(lower, exact), 1e-6) << "autocast was off";
}

TEST(Siglip, InitialWeightsFollowTimmAndOpenClip) {
  ClipModel model(siglip_arch());
  model->initialize(5);
  const StateDict state = state_dict(*model);
  const auto deviation = [&](const std::string& name) { return state.find(name)->std().item<double>(); };
  const auto largest = [&](const std::string& name) { return state.find(name)->abs().max().item<double>(); };
  EXPECT_NEAR(model->logit_scale.item<double>(), std::log(10.0), 1e-6);
  EXPECT_EQ(model->logit_bias.item<double>(), -10);
  EXPECT_NEAR(deviation("visual.trunk.blocks.0.attn.qkv.weight"), 0.02, 0.0005);
  EXPECT_NEAR(deviation("visual.trunk.attn_pool.mlp.fc1.weight"), 0.02, 0.001);
  EXPECT_NEAR(deviation("visual.trunk.pos_embed"), 0.02, 0.002);
  EXPECT_GT(largest("visual.trunk.blocks.0.attn.qkv.weight"), 0.06);
  EXPECT_EQ(largest("visual.trunk.blocks.1.mlp.fc1.bias"), 0);
  EXPECT_LE(largest("visual.trunk.patch_embed.proj.weight"), 1 / std::sqrt(192.0) + 1e-7);
  EXPECT_NEAR(deviation("visual.trunk.patch_embed.proj.weight"), 1 / std::sqrt(3 * 192.0), 0.001);
  EXPECT_GT(largest("visual.trunk.patch_embed.proj.bias"), 0.03);
  EXPECT_LE(largest("visual.trunk.attn_pool.latent"), 2 / std::sqrt(48.0));
  EXPECT_GT(deviation("visual.trunk.attn_pool.latent"), 0.5 / std::sqrt(48.0));
  EXPECT_NEAR(deviation("text.text_projection.weight"), 1 / std::sqrt(48.0), 0.01);
  EXPECT_EQ(largest("text.text_projection.bias"), 0);
  EXPECT_NEAR(deviation("text.token_embedding.weight"), 0.02, 0.0005);
  EXPECT_NEAR(deviation("text.positional_embedding"), 0.01, 0.001);
  EXPECT_EQ(state.find("visual.trunk.norm.weight")->min().item<double>(), 1);

  ArchConfig arch = siglip_arch();
  arch.init_logit_scale = 2.0;
  ClipModel other(arch);
  other->initialize(5);
  EXPECT_EQ(other->logit_scale.item<double>(), 2);
  EXPECT_EQ(siglip_gap(*state_dict(*other).find("visual.trunk.attn_pool.latent"), *state.find("visual.trunk.attn_pool.latent")),
            0);
}

TEST(Siglip, LoadingInterpolatesGridAndContext) {
  const StateDict state = state_dict(*siglip_model());
  const auto resized = [&](int64_t image_size) {
    ArchConfig arch = siglip_arch();
    arch.vision.image_size = image_size;
    ClipModel model(arch);
    const auto notes = load_state(*model, state, "x");
    EXPECT_EQ(notes.size(), 1u);
    EXPECT_NE(notes[0].find("from a 4x4 to a " + std::to_string(image_size / 8)), std::string::npos) << notes[0];
    return state_dict(*model).find("visual.trunk.pos_embed")->flatten();
  };
  EXPECT_NEAR(resized(56)[0].item<double>(), kTimmGrid7First, 1e-6);
  EXPECT_NEAR(resized(56)[-1].item<double>(), kTimmGrid7Last, 1e-6);
  EXPECT_NEAR(resized(16)[0].item<double>(), kTimmGrid2First, 1e-6);
  EXPECT_NEAR(resized(16)[-1].item<double>(), kTimmGrid2Last, 1e-6);

  ArchConfig arch = siglip_arch();
  arch.text.context_length = 24;
  ClipModel longer(arch);
  EXPECT_NE(load_state(*longer, state, "x").at(0).find("from 16 to 24 positions"), std::string::npos);
  EXPECT_EQ(longer->encode_texts(test::full_text_rows(torch::ones({1, 24}, torch::kInt64))).features_RD.size(1), 48);
}

TEST(Siglip, ACheckpointWithoutBiasGivesZeroAndSaysSo) {
  StateDict state, bare;
  const StateDict whole = state_dict(*siglip_model());
  for (const auto& [name, tensor] : whole.entries()) {
    if (name != "logit_bias") bare.add(name, tensor);
    state.add(name, name == "logit_bias" ? tensor.reshape({1}) : tensor);
  }
  ClipModel model(siglip_arch());
  EXPECT_TRUE(load_state(*model, state, "x").empty());
  EXPECT_EQ(model->logit_bias.item<double>(), -1.5);
  const auto notes = load_state(*model, bare, "x");
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("logit_bias"), std::string::npos);
  EXPECT_EQ(model->logit_bias.item<double>(), 0);

  ArchConfig arch = siglip_arch();
  arch.init_logit_bias.reset();
  ClipModel without(arch);
  EXPECT_FALSE(without->logit_bias.defined());
  EXPECT_THROW(load_state(*without, whole, "x"), Error);
}

}  // namespace
}  // namespace fsc
