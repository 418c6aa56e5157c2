// The model: open_clip's names, shapes and numbers, its behaviour under autocast and with recomputed gradients.
#include "fsc/model/clip_model.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/fill.h"
#include "support/golden.h"
#include "support/text_rows.h"

namespace fsc {
namespace {

using torch::Tensor;

ArchConfig tiny_arch(const std::string& variant = "tiny") {
  return ArchConfig::load(std::string(FSC_TEST_DATA) + "/models/" + variant + ".json");
}

ClipModel tiny_model(const std::string& variant = "tiny") {
  ClipModel model(tiny_arch(variant));
  test::fill_model(*model);
  return model;
}

Tensor tiny_images() { return test::fill_signed("input.images", {3, 3, 32, 32}, 2.0); }
Tensor tiny_ids() { return test::fill_token_rows("input.ids", 3); }

double gap(const Tensor& a, const Tensor& b) {
  return (a.to(torch::kFloat64) - b.to(torch::kFloat64)).abs().max().item<double>();
}

/// CPU autocast to bfloat16 in this scope.
class Autocast {
 public:
  Autocast() {
    at::autocast::set_autocast_enabled(at::kCPU, true);
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  }
  ~Autocast() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
  }
};

TEST(ClipModel, NamesShapesAndOrderAreOpenClips) {
  const ClipModel model(ArchConfig::load("ViT-B-32"));
  const StateDict state = state_dict(*model);
  EXPECT_EQ(state.size(), 302u);
  EXPECT_EQ(model->parameter_count(), 151'277'313);
  const std::vector<std::pair<std::string, std::vector<int64_t>>> head = {{"positional_embedding", {77, 512}},
                                                                          {"text_projection", {512, 512}},
                                                                          {"logit_scale", {}},
                                                                          {"visual.class_embedding", {768}},
                                                                          {"visual.positional_embedding", {50, 768}},
                                                                          {"visual.proj", {768, 512}},
                                                                          {"visual.conv1.weight", {768, 3, 32, 32}},
                                                                          {"visual.ln_pre.weight", {768}},
                                                                          {"visual.ln_pre.bias", {768}}};
  for (size_t i = 0; i < head.size(); ++i) {
    EXPECT_EQ(state.entries()[i].first, head[i].first);
    EXPECT_EQ(state.entries()[i].second.sizes(), head[i].second) << head[i].first;
  }
  const auto expect_block = [&](size_t& at, const std::string& prefix, int64_t w) {
    const std::vector<std::pair<std::string, std::vector<int64_t>>> block = {{"ln_1.weight", {w}},
                                                                             {"ln_1.bias", {w}},
                                                                             {"attn.in_proj_weight", {3 * w, w}},
                                                                             {"attn.in_proj_bias", {3 * w}},
                                                                             {"attn.out_proj.weight", {w, w}},
                                                                             {"attn.out_proj.bias", {w}},
                                                                             {"ln_2.weight", {w}},
                                                                             {"ln_2.bias", {w}},
                                                                             {"mlp.c_fc.weight", {4 * w, w}},
                                                                             {"mlp.c_fc.bias", {4 * w}},
                                                                             {"mlp.c_proj.weight", {w, 4 * w}},
                                                                             {"mlp.c_proj.bias", {w}}};
    for (const auto& [name, shape] : block) {
      EXPECT_EQ(state.entries()[at].first, prefix + name);
      EXPECT_EQ(state.entries()[at++].second.sizes(), shape) << prefix + name;
    }
  };
  size_t at = head.size();
  for (int i = 0; i < 12; ++i) expect_block(at, "visual.transformer.resblocks." + std::to_string(i) + ".", 768);
  EXPECT_EQ(state.entries()[at++].first, "visual.ln_post.weight");
  EXPECT_EQ(state.entries()[at++].first, "visual.ln_post.bias");
  for (int i = 0; i < 12; ++i) expect_block(at, "transformer.resblocks." + std::to_string(i) + ".", 512);
  EXPECT_EQ(state.entries()[at].first, "token_embedding.weight");
  EXPECT_EQ(state.entries()[at++].second.sizes(), (std::vector<int64_t>{49408, 512}));
  EXPECT_EQ(state.entries()[at++].first, "ln_final.weight");
  EXPECT_EQ(state.entries()[at++].first, "ln_final.bias");
  EXPECT_EQ(at, state.size());
}

TEST(ClipModel, LayerScaleStandsWhereOpenClipHasIt) {
  ArchConfig arch = tiny_arch();
  arch.vision.ls_init_value = 0.1;
  const ClipModel model(arch);
  std::vector<std::string> names;
  const StateDict state = state_dict(*model);
  for (const auto& [name, tensor] : state.entries()) {
    if (name.rfind("visual.transformer.resblocks.1.", 0) == 0) names.push_back(name.substr(31));
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"ln_1.weight", "ln_1.bias", "attn.in_proj_weight", "attn.in_proj_bias",
                                      "attn.out_proj.weight", "attn.out_proj.bias", "ls_1.gamma", "ln_2.weight", "ln_2.bias",
                                      "mlp.c_fc.weight", "mlp.c_fc.bias", "mlp.c_proj.weight", "mlp.c_proj.bias", "ls_2.gamma"}));
  EXPECT_EQ(state.find("transformer.resblocks.0.ls_1.gamma"), nullptr);
}

TEST(ClipModel, LayerScaleOfOneIsNoLayerScale) {
  ArchConfig arch = tiny_arch();
  arch.vision.ls_init_value = 1.0;
  arch.text.ls_init_value = 1.0;
  ClipModel with(arch), without(tiny_arch());
  with->initialize(3);
  without->initialize(3);
  EXPECT_EQ(gap(with->encode_images(tiny_images()).features_BD, without->encode_images(tiny_images()).features_BD), 0);
  EXPECT_EQ(gap(with->encode_texts(test::text_rows(tiny_ids())).features_RD,
                without->encode_texts(test::text_rows(tiny_ids())).features_RD),
            0);
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, FeaturesAndTokensEqualOpenClips) {
  const std::string variant = GetParam();
  const test::Golden golden = test::read_golden("tiny_model.safetensors");
  ClipModel model = tiny_model(variant);
  const torch::NoGradGuard no_grad;
  const Tensor ids = golden.at("ids");
  EXPECT_TRUE(torch::equal(ids.slice(0, 0, 3), tiny_ids()));
  const EncodedImages images = model->encode_images(tiny_images(), true);
  const TextRows rows = test::text_rows(ids);
  const EncodedTexts texts = model->encode_texts(rows, true);
  const double image_gap = gap(images.features_BD, golden.at(variant + "/image_features"));
  const double text_gap = gap(texts.features_RD, golden.at(variant + "/text_features"));
  const double image_token_gap = gap(images.tokens_BPD, golden.at(variant + "/image_tokens"));
  const Tensor valid_RT1 = test::valid_tokens(rows, ids.size(1)).unsqueeze(-1);
  const double text_token_gap =
      gap(test::in_rectangle(texts.tokens_VD, rows, ids.size(1)), golden.at(variant + "/text_tokens") * valid_RT1);
  EXPECT_LE(image_gap, 1e-6);
  EXPECT_LE(text_gap, 1e-6);
  EXPECT_LE(image_token_gap, 1e-5);  // un-normalised, of size 4
  EXPECT_LE(text_token_gap, 1e-5);
  RecordProperty("gaps", std::to_string(image_gap) + " " + std::to_string(text_gap));
}

INSTANTIATE_TEST_SUITE_P(ClipModel, Golden, testing::Values("tiny", "tiny-quickgelu"));

/// Texts with beginnings in common, one of them twice, one of them the beginning of another.
std::vector<TokenIds> related_texts() {
  const int64_t sot = 510, eot = 511;
  return {{sot, 5, 6, 7, 8, eot}, {sot, 5, 6, 9, 8, 3, eot}, {sot, 5, 6, 7, 8, eot}, {sot, eot}, {sot, 9, eot}, {sot},
          {sot, 5, 6, 9, eot}};
}

TextRows packed(const std::vector<TokenIds>& texts, bool share_prefixes) {
  std::vector<const TokenIds*> pointers;
  for (const auto& text : texts) pointers.push_back(&text);
  return make_text_rows(pointers, {.share_prefixes = share_prefixes});
}

/// Features, tokens and the gradients of a loss that looks at all of them.
std::vector<Tensor> of_texts(ClipModel& model, const TextRows& rows) {
  model->zero_grad();
  const EncodedTexts texts = model->encode_texts(rows, true);
  const auto weighted = [](const Tensor& x, const char* name) { return (x * test::fill_signed(name, x.sizes())).sum(); };
  (weighted(texts.features_RD, "w.features") + 0.1 * weighted(texts.tokens_VD, "w.tokens")).backward();
  std::vector<Tensor> found = {texts.features_RD.detach(), texts.tokens_VD.detach()};
  for (const auto& parameter : model->parameters())
    if (parameter.grad().defined()) found.push_back(parameter.grad().clone());
  return found;
}

TEST(ClipModel, PackedTextsEqualEachTextAloneWithOrWithoutSharedPrefixes) {
  ClipModel model = tiny_model();
  const auto texts = related_texts();
  const TextRows shared = packed(texts, true), apart = packed(texts, false);
  EXPECT_LT(shared.tokens(), apart.tokens());
  const auto a = of_texts(model, shared), b = of_texts(model, apart);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_LE(gap(a[i], b[i]), 2e-6 * std::max(1.0, b[i].abs().max().item<double>())) << i;
  const torch::NoGradGuard no_grad;
  int64_t token = 0;
  for (size_t r = 0; r < texts.size(); ++r) {
    const EncodedTexts alone = model->encode_texts(packed({texts[r]}, true), true);
    EXPECT_LE(gap(a[0][static_cast<int64_t>(r)], alone.features_RD[0]), 1e-6) << r;
    const int64_t valid = alone.tokens_VD.size(0);
    if (valid > 0) {
      EXPECT_LE(gap(a[1].narrow(0, token, valid), alone.tokens_VD), 5e-6) << r;
    }
    token += valid;
  }
  EXPECT_EQ(token, a[1].size(0));
}

TEST(ClipModel, PackedTextsEqualPaddedOnes) {
  // A padded text is one with further tokens behind its end, which nothing before them sees.
  ClipModel model = tiny_model();
  std::vector<TokenIds> texts = related_texts();
  texts.erase(texts.begin() + 5);  // its end is no end of text
  std::vector<TokenIds> padded = texts;
  for (auto& text : padded) text.resize(7, 0);
  const torch::NoGradGuard no_grad;
  const EncodedTexts a = model->encode_texts(packed(texts, true), true), b = model->encode_texts(packed(padded, false), true);
  EXPECT_LE(gap(a.features_RD, b.features_RD), 1e-6);
  EXPECT_LE(gap(a.tokens_VD, b.tokens_VD), 5e-6);
}

TEST(ClipModel, TokensOnlyWhenAskedAndFeaturesDoNotDependOnIt) {
  ClipModel model = tiny_model();
  const EncodedImages plain = model->encode_images(tiny_images()), dense = model->encode_images(tiny_images(), true);
  EXPECT_FALSE(plain.tokens_BPD.defined());
  EXPECT_EQ(dense.tokens_BPD.sizes(), (std::vector<int64_t>{3, 16, 32}));
  EXPECT_TRUE(torch::equal(plain.features_BD, dense.features_BD));
  EXPECT_FALSE(model->encode_texts(test::text_rows(tiny_ids())).tokens_VD.defined());
}

TEST(ClipModel, ShapesAreChecked) {
  ClipModel model = tiny_model();
  EXPECT_THROW(model->encode_images(torch::zeros({1, 3, 33, 32})), c10::Error);
  EXPECT_THROW(model->encode_images(torch::zeros({3, 32, 32})), c10::Error);
  EXPECT_THROW(model->encode_texts(test::text_rows(torch::ones({1, 78}, torch::kInt64))), c10::Error);
}

TEST(ClipModel, LogitScaleIsClamped) {
  ClipModel model = tiny_model();
  EXPECT_NEAR(model->scale().item<double>(), 1 / 0.07, 1e-4);
  const torch::NoGradGuard no_grad;
  model->logit_scale.fill_(9.0);
  model->clamp_logit_scale();
  EXPECT_FLOAT_EQ(model->scale().item<float>(), 100.0F);
  model->logit_scale.fill_(-1.0);
  model->clamp_logit_scale();
  EXPECT_EQ(model->logit_scale.item<float>(), 0.0F);
  EXPECT_TRUE(model->logit_scale.requires_grad());
}

TEST(ClipModel, AutocastDtypesAreOpenClips) {
  ClipModel model = tiny_model();
  const torch::NoGradGuard no_grad;
  const EncodedImages exact = model->encode_images(tiny_images(), true);
  const EncodedTexts exact_texts = model->encode_texts(test::text_rows(tiny_ids()), true);
  const Autocast autocast;
  const EncodedImages images = model->encode_images(tiny_images(), true);
  const EncodedTexts texts = model->encode_texts(test::text_rows(tiny_ids()), true);
  EXPECT_EQ(images.features_BD.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(images.tokens_BPD.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(texts.features_RD.scalar_type(), torch::kBFloat16);
  EXPECT_EQ(texts.tokens_VD.scalar_type(), torch::kBFloat16);
  EXPECT_LE(gap(images.features_BD, exact.features_BD), 0.02);
  EXPECT_LE(gap(texts.features_RD, exact_texts.features_RD), 0.02);
}

std::vector<Tensor> gradients(ClipModel& model, bool checkpointing, bool autocast) {
  model->zero_grad();
  model->set_grad_checkpointing(checkpointing, checkpointing);
  Tensor loss;
  {
    std::optional<Autocast> scope;
    if (autocast) scope.emplace();
    const EncodedImages images = model->encode_images(tiny_images(), true);
    const EncodedTexts texts = model->encode_texts(test::text_rows(tiny_ids()), true);
    const Tensor logits = model->scale() * at::matmul(images.features_BD, texts.features_RD.t());
    loss = logits.to(torch::kFloat32).log_softmax(-1).diagonal().mean().neg() +
           images.tokens_BPD.to(torch::kFloat32).square().mean() + texts.tokens_VD.to(torch::kFloat32).square().mean();
  }
  loss.backward();  // outside autocast, as a trainer does it: the recomputation has to restore it
  std::vector<Tensor> result;
  for (const auto& parameter : model->parameters())
    result.push_back(parameter.grad().defined() ? parameter.grad().clone() : Tensor());
  return result;
}

TEST(GradCheckpointing, GradientsAreTheSame) {
  for (const bool autocast : {false, true}) {
    ClipModel model = tiny_model("tiny-quickgelu");
    const auto kept = gradients(model, false, autocast), recomputed = gradients(model, true, autocast);
    const auto names = model->named_parameters().keys();
    for (size_t i = 0; i < kept.size(); ++i) {
      ASSERT_TRUE(kept[i].defined() && recomputed[i].defined()) << names[i];
      EXPECT_TRUE(torch::equal(kept[i], recomputed[i]))
          << names[i] << " autocast " << autocast << " gap " << gap(kept[i], recomputed[i]);
    }
  }
}

TEST(GradCheckpointing, FrozenParametersStayWithoutGradient) {
  ClipModel model = tiny_model();
  for (auto& parameter : model->named_parameters()) {
    if (parameter.key().rfind("visual.", 0) == 0 && parameter.key().find("resblocks.1.mlp") == std::string::npos)
      parameter.value().set_requires_grad(false);
  }
  const auto kept = gradients(model, false, false), recomputed = gradients(model, true, false);
  const auto parameters = model->parameters();
  for (size_t i = 0; i < kept.size(); ++i) {
    ASSERT_EQ(kept[i].defined(), parameters[i].requires_grad());
    ASSERT_EQ(recomputed[i].defined(), parameters[i].requires_grad());
    if (kept[i].defined()) {
      EXPECT_TRUE(torch::equal(kept[i], recomputed[i]));
    }
  }
}

TEST(GradCheckpointing, WorksWithoutGradients) {
  ClipModel model = tiny_model();
  model->set_grad_checkpointing(true, true);
  const torch::NoGradGuard no_grad;
  EXPECT_FALSE(model->encode_images(tiny_images()).features_BD.requires_grad());
}

}  // namespace
}  // namespace fsc
