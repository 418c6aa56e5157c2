// The objective: which terms a config makes, and their values and gradients against the official code.
#include "fsc/losses/objective.h"

#include <gtest/gtest.h>

#include "support/golden.h"

namespace fsc {
namespace {

struct Case {
  Features features;
  std::map<std::string, torch::Tensor> leaves;
};

/// Features of the golden inputs; `with_negatives` false = the B captions alone.
Case golden_case(const test::Golden& golden, bool with_negatives, torch::ScalarType dtype = torch::kFloat64) {
  Case c;
  for (const char* name : {"image_features", "text_features", "image_tokens", "text_tokens", "logit_scale"}) {
    c.leaves[name] = golden.at(std::string("input/") + name).to(dtype).clone().set_requires_grad(true);
  }
  const auto rows_BN = golden.at("input/rows_BN");
  const int64_t images = rows_BN.size(0), texts = golden.at("input/text_features").size(0);
  auto owner = torch::arange(images).repeat({texts / images + 1}).narrow(0, 0, texts).clone();
  for (int64_t b = 0; b < images; ++b) {
    for (int64_t n = 0; n < rows_BN.size(1); ++n) {
      const int64_t row = rows_BN[b][n].item<int64_t>();
      if (row >= 0) owner[row] = b;
    }
  }
  const torch::Tensor valid_RT = golden.at("input/attn_mask").to(torch::kBool);
  c.features = {.image_BD = c.leaves["image_features"],
                .image_tokens_BPD = c.leaves["image_tokens"],
                .text_RD = c.leaves["text_features"],
                .text_tokens_VD = c.leaves["text_tokens"].index({valid_RT}),
                .text_offsets_R1 = torch::cat({torch::zeros({1}, torch::kInt64), valid_RT.sum(1).cumsum(0)}),
                .scale = c.leaves["logit_scale"].exp()};
  c.features.roles.owner_R = owner;
  c.features.roles.add(kCaptions, torch::arange(images).unsqueeze(1));
  c.features.roles.add(kNegatives, with_negatives ? rows_BN : rows_BN.narrow(1, 0, 0));
  return c;
}

LossConfig config_of(const nlohmann::json& options) {
  LossConfig config;
  config.name = options["loss_name"] == "clip" ? LossName::kClip : LossName::kFsc;
  config.global_hn_weight = options["neg_loss_weight"];
  config.local_hn_weight = options["apply_local_neg_loss"].get<bool>() ? options["local_neg_weight"].get<double>() : 0.0;
  config.focal_gamma = options["focal_gamma"];
  config.label_smoothing = options["neg_label_smoothing"];
  config.similarity_normalizer =
      options["sim_normalizer"] == "softmax" ? SimilarityNormalizer::kSoftmax : SimilarityNormalizer::kMinmax;
  config.sparsify = options["sim_sparsify"];
  return config;
}

const std::map<std::string, std::string> kOfficialNames = {
    {"clip_loss", "clip_loss"}, {"global_hn_loss", "clip_neg_loss"}, {"local_hn_loss", "local_neg_loss"}};

/// Held by the caller: items() only refers to it.
nlohmann::json golden_cases() {
  auto cases = test::read_golden_json("losses.json")["cases"];
  TORCH_CHECK(cases.size() == 11, "losses.json holds ", cases.size(), " cases");
  return cases;
}

TEST(ObjectiveGolden, LossesEqualTheOfficialCode) {
  const auto golden = test::read_golden("losses.safetensors");
  const auto cases = golden_cases();
  for (const auto& [name, entry] : cases.items()) {
    const auto objective = make_objective(config_of(entry["options"]));
    for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
      SCOPED_TRACE(name + " in " + c10::toString(dtype));
      const double tolerance = dtype == torch::kFloat64 ? 1e-12 : 1e-6;
      const auto losses = evaluate(objective, golden_case(golden, name != "clip", dtype).features);
      EXPECT_EQ(losses.terms.size(), entry["losses"].size());
      for (const auto& [term, value] : losses.terms) {
        EXPECT_EQ(value.scalar_type(), dtype) << term;
        const double expected = entry["losses"][kOfficialNames.at(term)];
        EXPECT_NEAR(value.item<double>(), expected, tolerance * std::abs(expected)) << term;
      }
      EXPECT_NEAR(losses.total.item<double>(), entry["total"].get<double>(), tolerance * entry["total"].get<double>());
    }
  }
}

TEST(ObjectiveGolden, GradientsEqualTheOfficialCode) {
  const auto golden = test::read_golden("losses.safetensors");
  const auto cases = golden_cases();
  for (const auto& [name, entry] : cases.items()) {
    for (const auto dtype : {torch::kFloat64, torch::kFloat32}) {
      SCOPED_TRACE(name + " in " + c10::toString(dtype));
      auto c = golden_case(golden, name != "clip", dtype);
      evaluate(make_objective(config_of(entry["options"])), c.features).total.backward();
      for (const auto& [leaf, tensor] : c.leaves) {
        const auto expected = golden.find(name + "/grad/" + leaf);
        if (expected == golden.end()) {
          EXPECT_FALSE(tensor.grad().defined()) << leaf;
          continue;
        }
        ASSERT_TRUE(tensor.grad().defined()) << leaf;
        const double worst = (tensor.grad() - expected->second).abs().max().item<double>();
        const double tolerance = dtype == torch::kFloat64 ? 1e-12 : 2e-6;
        EXPECT_LE(worst, tolerance * expected->second.abs().max().item<double>()) << leaf;
      }
    }
  }
}

TEST(Objective, ZeroWeightsLeaveTermsOut) {
  const auto names = [](const LossConfig& config) {
    std::vector<std::string> result;
    for (const auto& term : make_objective(config)) result.push_back(term.name);
    return result;
  };
  using Names = std::vector<std::string>;
  LossConfig config;
  EXPECT_EQ(names(config), (Names{"clip_loss", "global_hn_loss", "local_hn_loss"}));
  EXPECT_TRUE(needs_of(make_objective(config)).tokens);
  config.local_hn_weight = 0;
  EXPECT_EQ(names(config), (Names{"clip_loss", "global_hn_loss"}));
  EXPECT_FALSE(needs_of(make_objective(config)).tokens);
  config.global_hn_weight = 0;
  EXPECT_EQ(names(config), (Names{"clip_loss"}));
  EXPECT_EQ(names({.name = LossName::kClip}), (Names{"clip_loss"}));
  EXPECT_FALSE(needs_of(make_objective(LossConfig{.name = LossName::kClip})).tokens);
  EXPECT_EQ(names({.name = LossName::kSiglip}), (Names{"siglip_loss", "global_hn_loss", "local_hn_loss"}));
  EXPECT_TRUE(needs_of(make_objective(LossConfig{.name = LossName::kSiglip})).tokens);
  EXPECT_EQ(names({.name = LossName::kSiglip, .global_hn_weight = 0, .local_hn_weight = 0}), (Names{"siglip_loss"}));
}

TEST(Objective, NeedsAreThoseOfAllTerms) {
  const Needs plain = needs_of(make_objective({.global_hn_weight = 0, .local_hn_weight = 0}));
  EXPECT_TRUE(!plain.tokens && !plain.bias && !plain.negatives && plain.groups.empty());
  const Needs siglip = needs_of(make_objective({.name = LossName::kSiglip}));
  EXPECT_TRUE(siglip.tokens && siglip.bias && siglip.negatives);
  const std::vector<Term> two = {{.name = "a", .needs = {.groups = {"phrases"}}, .loss = {}},
                                 {.name = "b", .needs = {.groups = {"foils", "phrases"}}, .loss = {}}};
  EXPECT_EQ(needs_of(two).groups, (std::vector<std::string>{"phrases", "foils"}));
}

TEST(Objective, SiglipHasTheSigmoidLossAndTheNegativesOfFsc) {
  const auto golden = test::read_golden("losses.safetensors");
  auto features = golden_case(golden, true).features;
  const auto fsc = evaluate(make_objective({}), features);
  EXPECT_THROW(evaluate(make_objective({.name = LossName::kSiglip}), features), c10::Error);  // no bias
  features.scale = features.scale.detach();  // it was the way to the graph that is gone
  const auto bias = torch::tensor(-3.0, torch::kFloat64).requires_grad_();
  features.bias = bias;
  const auto siglip = evaluate(make_objective({.name = LossName::kSiglip}), features);
  const auto captions = features.text_RD.index_select(0, features.roles.captions_B());
  EXPECT_EQ(siglip.terms[0].first, "siglip_loss");
  EXPECT_NEAR(siglip.terms[0].second.item<double>(),
              sigmoid_loss(features.image_BD, captions, features.scale, bias).item<double>(), 1e-12);
  for (const size_t i : {1, 2}) EXPECT_EQ(siglip.terms[i].second.item<double>(), fsc.terms[i].second.item<double>());
  siglip.total.backward();
  const double alone = bias.grad().item<double>();
  bias.mutable_grad().reset();
  sigmoid_loss(features.image_BD, captions, features.scale, bias).backward();
  EXPECT_NEAR(alone, bias.grad().item<double>(), 1e-12) << "the terms of the negatives do not see the bias";
}

TEST(Objective, TermsAreWeightedDetachedAndSumToTheTotal) {
  const auto golden = test::read_golden("losses.safetensors");
  const auto features = golden_case(golden, true).features;
  const auto once = evaluate(make_objective({.global_hn_weight = 0.5}), features);
  const auto twice = evaluate(make_objective({.global_hn_weight = 1.0}), features);
  EXPECT_NEAR(twice.terms[1].second.item<double>(), 2 * once.terms[1].second.item<double>(), 1e-12);
  auto sum = torch::zeros({}, torch::kFloat64);
  for (const auto& [name, value] : once.terms) {
    EXPECT_FALSE(value.requires_grad()) << name;
    sum = sum + value;
  }
  EXPECT_TRUE(once.total.requires_grad());
  EXPECT_NEAR(sum.item<double>(), once.total.item<double>(), 1e-12);
}

TEST(Objective, WithoutAnyNegativeOnlyTheContrastiveLossIsLeft) {
  const auto golden = test::read_golden("losses.safetensors");
  for (const bool columns : {false, true}) {
    auto c = golden_case(golden, columns);
    c.features.roles = c.features.roles.with(kNegatives, torch::full_like(c.features.roles.negatives_BN(), -1));
    const auto losses = evaluate(make_objective({}), c.features);
    EXPECT_EQ(losses.terms[1].second.item<double>(), 0.0);
    EXPECT_EQ(losses.terms[2].second.item<double>(), 0.0);
    losses.total.backward();
    for (const auto& [leaf, tensor] : c.leaves) EXPECT_TRUE(tensor.grad().isfinite().all().item<bool>()) << leaf;
  }
}

TEST(Objective, FlatImagesAndMissingNegativesGiveAFiniteLoss) {
  const auto golden = test::read_golden("losses.safetensors");
  for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
    auto c = golden_case(golden, true, torch::kFloat32);
    {
      const torch::NoGradGuard no_grad;
      for (int64_t p = 1; p < c.leaves["image_tokens"].size(1); ++p)
        c.leaves["image_tokens"].select(1, p).copy_(c.leaves["image_tokens"].select(1, 0));
    }
    c.features.scale = torch::tensor(100.0F);
    const auto losses = evaluate(make_objective({.missing_negatives = missing}), c.features);
    EXPECT_TRUE(losses.total.isfinite().item<bool>());
    losses.total.backward();
    for (const char* leaf : {"image_features", "text_features", "image_tokens", "text_tokens"}) {
      EXPECT_TRUE(c.leaves[leaf].grad().isfinite().all().item<bool>()) << leaf;
    }
  }
}

TEST(Objective, TheOrderOfTheTextsDoesNotMatter) {
  const auto golden = test::read_golden("losses.safetensors");
  const auto features = golden_case(golden, true).features;
  const int64_t texts = features.text_RD.size(0);
  auto reversed = features;
  reversed.text_RD = features.text_RD.flip(0);
  reversed.text_tokens_VD = features.text_tokens_VD.flip(0);  // of each text too: their order does not matter either
  reversed.text_offsets_R1 = features.text_tokens_VD.size(0) - features.text_offsets_R1.flip(0);
  const auto turned = [&](const torch::Tensor& rows) { return torch::where(rows.ge(0), texts - 1 - rows, rows); };
  reversed.roles = {};
  reversed.roles.owner_R = features.roles.owner_R.flip(0);
  for (const auto& [group, rows] : features.roles.groups()) reversed.roles.add(group, turned(rows));
  for (const auto name : {LossName::kFsc, LossName::kClip}) {
    const auto objective = make_objective({.name = name});
    EXPECT_NEAR(evaluate(objective, features).total.item<double>(), evaluate(objective, reversed).total.item<double>(), 1e-12);
  }
}

TEST(Objective, MaskedNegativesEqualABatchWithoutTheirColumns) {
  const auto golden = test::read_golden("losses.safetensors");
  auto c = golden_case(golden, true);
  // Only column 0: rows 0, 1 and 4 have it, so masking the rest equals having one column and rows 2, 3 without negatives.
  const torch::Tensor& all = c.features.roles.negatives_BN();
  auto first = c.features;
  first.roles = c.features.roles.with(kNegatives, all.narrow(1, 0, 1));
  auto holed = c.features;
  const auto holes = all.clone();
  holes.narrow(1, 1, 2).fill_(-1);
  holed.roles = c.features.roles.with(kNegatives, holes);
  for (const auto name : {LossName::kFsc, LossName::kClip}) {
    const auto objective = make_objective({.name = name, .missing_negatives = MissingNegatives::kMasked});
    EXPECT_NEAR(evaluate(objective, first).total.item<double>(), evaluate(objective, holed).total.item<double>(), 1e-12);
  }
}

TEST(Objective, TheLocalTermNeedsTokens) {
  const auto golden = test::read_golden("losses.safetensors");
  auto features = golden_case(golden, true).features;
  features.image_tokens_BPD = features.text_tokens_VD = torch::Tensor();
  EXPECT_THROW(evaluate(make_objective({}), features), c10::Error);
  EXPECT_NO_THROW(evaluate(make_objective({.local_hn_weight = 0}), features));
}

TEST(LossConfig, ReadsEveryKeyAndRefusesWhatIsOutOfRange) {
  LossConfig config;
  config::Problems problems;
  config::read_yaml_text(config::fields_of(config),
                         "{name: clip, global_hn_weight: 1, local_hn_weight: 2, focal_gamma: 0, label_smoothing: 0.1,"
                         " similarity_normalizer: softmax, sparsify: true, missing_negatives: masked}",
                         "test.yaml", problems);
  EXPECT_TRUE(problems.empty()) << problems.text();
  EXPECT_EQ(config.name, LossName::kClip);
  EXPECT_EQ(config.similarity_normalizer, SimilarityNormalizer::kSoftmax);
  EXPECT_EQ(config.missing_negatives, MissingNegatives::kMasked);
  EXPECT_EQ(config.calibration().label_smoothing, 0.1);
  config::read_yaml_text(config::fields_of(config), "{name: triplet, label_smoothing: 1, global_hn_weight: -1}", "test.yaml",
                         problems);
  EXPECT_EQ(problems.size(), 3u) << problems.text();
}

}  // namespace
}  // namespace fsc
