// Local alignment scores against the formula with loops, its gradients, and degenerate inputs.
#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "fsc/kernels/token_patch_alignment.h"
#include "support/gradcheck.h"

namespace fsc {
namespace {

using test::kDouble;

constexpr auto kMinmax = SimilarityNormalizer::kMinmax;
constexpr auto kSoftmax = SimilarityNormalizer::kSoftmax;

struct Inputs {
  torch::Tensor patches = torch::empty({}), tokens = torch::empty({}), valid, owner = torch::tensor({0, 1, 1});
  torch::Tensor scale = torch::tensor(4.0, kDouble);
  explicit Inputs(int64_t patch_count = 5) {
    torch::manual_seed(7);
    patches = torch::randn({2, patch_count, 3}, kDouble);
    tokens = torch::randn({3, 4, 3}, kDouble);
    valid = torch::tensor({{false, true, true, false}, {false, true, true, true}, {false, true, false, false}});
  }
};

/// Scores of the valid tokens of padded texts.
torch::Tensor local_scores(const torch::Tensor& patches_BPD, const torch::Tensor& tokens_RTD, const torch::Tensor& valid_RT,
                           const torch::Tensor& owner_R, const torch::Tensor& scale, SimilarityNormalizer normalizer,
                           bool sparsify) {
  const auto offsets_R1 = torch::cat({torch::zeros({1}, torch::kInt64), valid_RT.sum(1).cumsum(0)});
  return alignment_scores(patches_BPD, tokens_RTD.index({valid_RT}), offsets_R1, owner_R, scale, normalizer, sparsify);
}

double dot_product(const torch::Tensor& a, const torch::Tensor& b) { return (a * b).sum().item<double>(); }

/// Weights of token `t` over its patches, step by step as the paper has them.
torch::Tensor weights_by_hand(const torch::Tensor& patches_PD, const torch::Tensor& t, SimilarityNormalizer normalizer,
                              bool sparsify) {
  std::vector<double> a;
  for (int64_t p = 0; p < patches_PD.size(0); ++p) a.push_back(dot_product(t, patches_PD[p]));
  const double low = *std::min_element(a.begin(), a.end()), high = *std::max_element(a.begin(), a.end());
  double sum = 0;
  for (auto& w : a) {
    w = normalizer == kSoftmax ? std::exp(w - high) : high == low ? 1.0 : (w - low) / (high - low);
    if (normalizer == kMinmax && sparsify && w < 1.0 / static_cast<double>(a.size())) w = 0;
    sum += w;
  }
  for (auto& w : a) w /= sum;
  return torch::tensor(a, kDouble);
}

/// The scores with the weights of `at` held fixed, so that differences see what the loss says has a gradient.
torch::Tensor scores_by_hand(const Inputs& at, const torch::Tensor& patches, const torch::Tensor& tokens,
                             const torch::Tensor& scale, SimilarityNormalizer normalizer, bool sparsify) {
  std::vector<torch::Tensor> scores;
  for (int64_t r = 0; r < tokens.size(0); ++r) {
    const int64_t image = at.owner[r].item<int64_t>();
    auto sum = torch::zeros({}, kDouble);
    for (int64_t t = 0; t < tokens.size(1); ++t) {
      if (!at.valid[r][t].item<bool>()) continue;
      const auto weights = weights_by_hand(at.patches[image], at.tokens[r][t], normalizer, sparsify);
      const auto pooled = weights.matmul(patches[image]);
      const auto cosine = (pooled / pooled.norm() * tokens[r][t] / tokens[r][t].norm()).sum();
      sum = sum + (scale * cosine).exp();
    }
    scores.push_back(sum.log());
  }
  return torch::stack(scores);
}

class LocalScores : public testing::TestWithParam<std::pair<SimilarityNormalizer, bool>> {};

TEST_P(LocalScores, EqualsTheFormula) {
  const auto [normalizer, sparsify] = GetParam();
  const Inputs in;
  const auto actual = local_scores(in.patches, in.tokens, in.valid, in.owner, in.scale, normalizer, sparsify);
  const auto expected = scores_by_hand(in, in.patches, in.tokens, in.scale, normalizer, sparsify);
  EXPECT_TRUE(torch::allclose(actual, expected, 1e-12, 1e-12)) << actual << expected;
}

TEST_P(LocalScores, GradientsEqualDifferencesWithFixedWeights) {
  const auto [normalizer, sparsify] = GetParam();
  const Inputs in;
  const auto mix = torch::tensor({1.0, -2.0, 0.5}, kDouble);
  const auto actual = test::autograd_gradients(
      [&](const auto& x) { return (mix * local_scores(x[0], x[1], in.valid, in.owner, x[2], normalizer, sparsify)).sum(); },
      {in.patches, in.tokens, in.scale});
  const auto expected = test::numeric_gradients(
      [&](const auto& x) { return (mix * scores_by_hand(in, x[0], x[1], x[2], normalizer, sparsify)).sum(); },
      {in.patches, in.tokens, in.scale});
  test::expect_gradients_near(actual, expected);
}

INSTANTIATE_TEST_SUITE_P(Normalizers, LocalScores,
                         testing::Values(std::pair{kMinmax, false}, std::pair{kMinmax, true}, std::pair{kSoftmax, false}));

TEST(LocalScoresEdges, FlatSimilaritiesGetEvenWeightsAndFiniteGradients) {
  Inputs in;
  in.patches = torch::tensor({1.0, 2.0, 2.0}, kDouble).expand({2, 5, 3}).clone();  // every patch alike
  for (const bool sparsify : {false, true}) {
    const auto score = [&](const auto& x) {
      return local_scores(x[0], x[1], in.valid, in.owner, in.scale, kMinmax, sparsify).sum();
    };
    const auto one_patch =
        local_scores(in.patches.narrow(1, 0, 1), in.tokens, in.valid, in.owner, in.scale, kMinmax, sparsify).sum();
    EXPECT_NEAR(score(std::vector{in.patches, in.tokens}).template item<double>(), one_patch.item<double>(), 1e-12);
    for (const auto& gradient : test::autograd_gradients(score, {in.patches, in.tokens}))
      EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
}

TEST(LocalScoresEdges, OnePatch) {
  const Inputs in(1);
  const auto actual = local_scores(in.patches, in.tokens, in.valid, in.owner, in.scale, kMinmax, false);
  EXPECT_TRUE(torch::allclose(actual, scores_by_hand(in, in.patches, in.tokens, in.scale, kSoftmax, false), 1e-12, 1e-12));
}

TEST(LocalScoresEdges, TokensThatAreNotValidHaveNoPart) {
  Inputs in;
  const auto before = local_scores(in.patches, in.tokens, in.valid, in.owner, in.scale, kMinmax, false);
  const auto padding = in.valid.logical_not().unsqueeze(-1);
  for (const double filler : {0.0, 1e6}) {
    const auto tokens = in.tokens.masked_fill(padding, filler);
    EXPECT_TRUE(
        torch::allclose(local_scores(in.patches, tokens, in.valid, in.owner, in.scale, kMinmax, false), before, 1e-14, 0));
    const auto gradient = test::autograd_gradients(
        [&](const auto& x) { return local_scores(in.patches, x[0], in.valid, in.owner, in.scale, kMinmax, false).sum(); },
        {tokens})[0];
    EXPECT_TRUE(gradient.isfinite().all().item<bool>());
    EXPECT_EQ((gradient * padding).abs().sum().item<double>(), 0.0);
  }
}

TEST(LocalScoresEdges, ATextOfEotAloneScoresItsOneCosine) {
  const Inputs in;  // text 2 has one valid token, position 1, and belongs to image 1
  const auto score = local_scores(in.patches, in.tokens, in.valid, in.owner, in.scale, kMinmax, false)[2].item<double>();
  const auto pooled = weights_by_hand(in.patches[1], in.tokens[2][1], kMinmax, false).matmul(in.patches[1]);
  const double cosine = dot_product(pooled, in.tokens[2][1]) / (pooled.norm() * in.tokens[2][1].norm()).item<double>();
  EXPECT_NEAR(score, 4.0 * cosine, 1e-12);
}

TEST(LocalScoresEdges, ScaleAHundredStaysFiniteInFloat) {
  const Inputs in;
  const auto scale = torch::tensor(100.0, kDouble);
  const auto exact = local_scores(in.patches, in.tokens, in.valid, in.owner, scale, kSoftmax, false);
  const auto score = [&](const auto& x) { return local_scores(x[0], x[1], in.valid, in.owner, x[2], kSoftmax, false); };
  const std::vector<torch::Tensor> inputs = {in.patches.to(torch::kFloat32), in.tokens.to(torch::kFloat32),
                                             scale.to(torch::kFloat32)};
  EXPECT_TRUE(torch::allclose(score(inputs).to(torch::kFloat64), exact, 1e-5, 1e-4));
  const auto sum = [&](const auto& x) { return score(x).sum(); };
  for (const auto& gradient : test::autograd_gradients(sum, inputs)) EXPECT_TRUE(gradient.isfinite().all().item<bool>());
}

TEST(LocalScoresEdges, AutocastDoesNotRoundTheScores) {
  const Inputs in;
  const auto patches = in.patches.to(torch::kFloat32), tokens = in.tokens.to(torch::kFloat32),
             scale = in.scale.to(torch::kFloat32);
  const auto plain = local_scores(patches, tokens, in.valid, in.owner, scale, kMinmax, false);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const auto within = local_scores(patches, tokens, in.valid, in.owner, scale, kMinmax, false);
  const auto of_bf16 =
      local_scores(patches.to(torch::kBFloat16), tokens.to(torch::kBFloat16), in.valid, in.owner, scale, kMinmax, false);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_TRUE(torch::equal(within, plain));
  EXPECT_EQ(of_bf16.scalar_type(), torch::kFloat32);
  const auto rounded = [](const torch::Tensor& x) { return x.to(torch::kBFloat16).to(torch::kFloat32); };
  EXPECT_TRUE(torch::equal(of_bf16, local_scores(rounded(patches), rounded(tokens), in.valid, in.owner, scale, kMinmax, false)));
}

TEST(LocalScoresEdges, ZeroTokensAndZeroPatchesHaveFiniteGradients) {
  Inputs in;
  in.tokens[0].zero_();
  in.patches[1].zero_();
  for (const auto normalizer : {kMinmax, kSoftmax}) {
    const auto score = [&](const auto& x) {
      return local_scores(x[0], x[1], in.valid, in.owner, in.scale, normalizer, false).sum();
    };
    EXPECT_TRUE(score(std::vector{in.patches, in.tokens}).isfinite().template item<bool>());
    for (const auto& gradient : test::autograd_gradients(score, {in.patches, in.tokens}))
      EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
}

TEST(LocalScoresEdges, ATextWithoutValidTokensStaysFinite) {
  Inputs in;
  in.valid[2].fill_(false);
  const auto score = [&](const auto& x) { return local_scores(x[0], x[1], in.valid, in.owner, in.scale, kMinmax, false).sum(); };
  EXPECT_TRUE(score(std::vector{in.patches, in.tokens}).isfinite().template item<bool>());
  for (const auto& gradient : test::autograd_gradients(score, {in.patches, in.tokens}))
    EXPECT_TRUE(gradient.isfinite().all().item<bool>());
}

TEST(LocalScoresEdges, ShapesThatDoNotFitAreRefused) {
  const Inputs in;
  EXPECT_THROW(local_scores(in.patches.narrow(2, 0, 2), in.tokens, in.valid, in.owner, in.scale, kMinmax, false), c10::Error);
  EXPECT_THROW(local_scores(in.patches, in.tokens, in.valid, in.owner.narrow(0, 0, 2), in.scale, kMinmax, false), c10::Error);
}

}  // namespace
}  // namespace fsc
