// (1+N)-way hard-negative loss and its logits: hand-computed values, missing negatives, gradients.
#include <ATen/ops/cross_entropy_loss.h>
#include <gtest/gtest.h>

#include "fsc/losses/losses.h"
#include "support/gradcheck.h"

namespace fsc {
namespace {

using test::kDouble;

const auto kBool = torch::dtype(torch::kBool);
constexpr Calibration kPlain{.focal_gamma = 0.0, .label_smoothing = 0.0};

torch::Tensor logits_43() {
  return torch::tensor({{1.5, 0.5, -1.0}, {0.0, 2.0, 0.0}, {3.0, 0.0, 0.0}, {-0.5, 0.0, 1.0}}, kDouble);
}
torch::Tensor valid_42() { return torch::tensor({{true, true}, {true, false}, {false, false}, {false, true}}, kBool); }

/// The formula of the header, with loops.
double by_hand(const torch::Tensor& logits, const torch::Tensor& valid, const Calibration& c, MissingNegatives missing) {
  double sum = 0;
  int kept = 0;
  for (int64_t b = 0; b < logits.size(0); ++b) {
    std::vector<bool> exists{true};
    for (int64_t n = 0; n < valid.size(1); ++n) exists.push_back(valid[b][n].item<bool>());
    const auto count = std::count(exists.begin(), exists.end(), true);
    if (count == 1) continue;
    ++kept;
    double total = 0;
    for (size_t k = 0; k < exists.size(); ++k) {
      if (exists[k] || missing == MissingNegatives::kReference) total += std::exp(logits[b][k].item<double>());
    }
    for (size_t k = 0; k < exists.size(); ++k) {
      if (!exists[k]) continue;
      const double p = std::exp(logits[b][k].item<double>()) / total;
      const double y = (k == 0 ? 1 - c.label_smoothing : 0.0) + c.label_smoothing / static_cast<double>(count);
      sum += y * std::pow(1 - p, c.focal_gamma) * -std::log(p);
    }
  }
  return sum / std::max(kept, 1);
}

TEST(HardNegative, EqualsTheFormula) {
  for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
    for (const double gamma : {0.0, 0.5, 1.0, 2.0, 5.0}) {
      for (const double beta : {0.0, 0.02, 0.5}) {
        const Calibration c{gamma, beta};
        EXPECT_NEAR(hard_negative_loss(logits_43(), valid_42(), c, missing).mean().item<double>(),
                    by_hand(logits_43(), valid_42(), c, missing), 1e-12)
            << gamma << " " << beta;
      }
    }
  }
}

TEST(HardNegative, WithoutFocusIsCrossEntropyWithSmoothing) {
  const auto logits = logits_43();
  const auto valid = torch::ones({4, 2}, kBool), zeros = torch::zeros({4}, torch::dtype(torch::kInt64));
  for (const double beta : {0.0, 0.02, 0.3}) {
    const auto expected = at::cross_entropy_loss(logits, zeros, {}, at::Reduction::Mean, -100, beta);
    EXPECT_NEAR(hard_negative_loss(logits, valid, {0.0, beta}).mean().item<double>(), expected.item<double>(), 1e-14);
  }
}

TEST(HardNegative, MissingLogitStaysInTheReferenceOnly) {
  const auto logits = torch::tensor({{2.0, 1.0, 0.0}}, kDouble);
  const auto valid = torch::tensor({{true, false}}, kBool);
  const double reference = hard_negative_loss(logits, valid, kPlain, MissingNegatives::kReference).mean().item<double>();
  EXPECT_NEAR(reference, std::log(std::exp(2.0) + std::exp(1.0) + 1) - 2, 1e-14);
  const double masked = hard_negative_loss(logits, valid, kPlain, MissingNegatives::kMasked).mean().item<double>();
  EXPECT_NEAR(masked, std::log(std::exp(2.0) + std::exp(1.0)) - 2, 1e-14);
}

TEST(HardNegative, RowsWithoutNegativesHaveNoPart) {
  const auto all = hard_negative_loss(logits_43(), valid_42(), {}).mean();
  const auto kept = torch::tensor({0, 1, 3});
  EXPECT_NEAR(all.item<double>(),
              hard_negative_loss(logits_43().index_select(0, kept), valid_42().index_select(0, kept), {}).mean().item<double>(),
              1e-14);
  const auto gradient =
      test::autograd_gradients([](const auto& x) { return hard_negative_loss(x[0], valid_42(), {}).mean(); }, {logits_43()})[0];
  EXPECT_EQ(gradient[2].abs().sum().item<double>(), 0.0);
  EXPECT_GT(gradient[0].abs().sum().item<double>(), 0.0);
}

TEST(HardNegative, NoNegativesAtAllIsZeroWithAGraph) {
  for (const int64_t count : {0, 3}) {
    for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
      const auto logits = torch::randn({4, 1 + count}, kDouble).set_requires_grad(true);
      const auto loss = hard_negative_loss(logits, torch::zeros({4, count}, kBool), {}, missing).mean();
      EXPECT_EQ(loss.item<double>(), 0.0);
      ASSERT_TRUE(loss.requires_grad());
      loss.backward();
      EXPECT_EQ(logits.grad().abs().sum().item<double>(), 0.0);
    }
  }
}

TEST(HardNegative, GradientsEqualDifferences) {
  for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
    for (const double gamma : {0.0, 0.5, 1.0, 2.0}) {
      test::expect_gradcheck(
          [&](const auto& x) {
            return hard_negative_loss(x[0], valid_42(), {gamma, 0.1}, missing).mean();
          },
          {logits_43()});
    }
  }
}

TEST(HardNegative, CertainPredictionsHaveFiniteGradients) {
  const auto valid = torch::ones({2, 1}, kBool);
  const auto logits = torch::tensor({{100.0f, -100.0f}, {-100.0f, 100.0f}});
  for (const double gamma : {0.0, 0.5, 1.0, 2.0}) {
    const auto x = logits.clone().set_requires_grad(true);
    const auto loss = hard_negative_loss(x, valid, {gamma, 0.02}, MissingNegatives::kMasked).mean();
    loss.backward();
    EXPECT_TRUE(loss.isfinite().item<bool>());
    EXPECT_TRUE(x.grad().isfinite().all().item<bool>()) << gamma << ": " << x.grad();
  }
}

TEST(HardNegative, LargeScalesDoNotOverflow) {
  // Cosines of +-1 at the largest scale, 100, and local scores, which log(77) can lift above it.
  const auto logits = torch::tensor({{100.0, -100.0, 0.0}, {-100.0, 104.0, 0.0}}, kDouble);
  const auto valid = torch::tensor({{true, false}, {true, false}}, kBool);
  for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
    const double exact = by_hand(logits, valid, {}, missing);
    EXPECT_NEAR(hard_negative_loss(logits.to(torch::kFloat32), valid, {}, missing).mean().item<float>(), exact, 1e-6 * exact);
    const auto gradients = test::autograd_gradients(
        [&](const auto& x) { return hard_negative_loss(x[0], valid, {}, missing).mean(); }, {logits.to(torch::kFloat32)});
    EXPECT_TRUE(gradients[0].isfinite().all().item<bool>()) << gradients[0];
    EXPECT_EQ(gradients[0].select(1, 2).abs().max().item<float>(), 0.0F);  // missing: masked, or far from probable
  }
}

TEST(HardNegative, LowPrecisionLogitsAreComputedInFloat) {
  const auto loss = hard_negative_loss(logits_43().to(torch::kBFloat16), valid_42(), {}).mean();
  EXPECT_EQ(loss.scalar_type(), torch::kFloat32);
  EXPECT_NEAR(loss.item<float>(), hard_negative_loss(logits_43(), valid_42(), {}).mean().item<double>(), 1e-6);  // exact in bf16
}

TEST(HardNegative, ShapesThatDoNotFitAreRefused) {
  EXPECT_THROW(hard_negative_loss(logits_43(), torch::ones({4, 3}, kBool), {}).mean(), c10::Error);
  EXPECT_THROW(hard_negative_loss(logits_43(), torch::ones({3, 2}, kBool), {}).mean(), c10::Error);
  EXPECT_THROW(hard_negative_loss(logits_43(), torch::ones({4, 2}), {}).mean(), c10::Error);
}

TEST(GlobalLogits, CaptionFirstThenNegativesThenZeros) {
  const auto image = torch::tensor({{1.0, 0.0}, {0.0, 1.0}}, kDouble);
  const auto text = torch::tensor({{0.5, 0.1}, {0.2, 0.6}, {0.3, 0.4}}, kDouble);
  const auto caption = torch::tensor({1, 0}), rows = torch::tensor({{2, -1}, {-1, 2}});
  const auto logits = global_hn_logits(image, text, caption, rows, torch::tensor(10.0, kDouble));
  EXPECT_TRUE(torch::allclose(logits, torch::tensor({{2.0, 3.0, 0.0}, {1.0, 0.0, 4.0}}, kDouble))) << logits;
}

TEST(GlobalLogits, NoNegatives) {
  const auto logits =
      global_hn_logits(torch::eye(2), torch::eye(2), torch::arange(2), torch::empty({2, 0}, torch::kInt64), torch::tensor(3.0f));
  EXPECT_TRUE(torch::equal(logits, torch::full({2, 1}, 3.0f)));
}

TEST(GlobalLogits, GradientsEqualDifferences) {
  torch::manual_seed(3);
  const auto caption = torch::arange(2), rows = torch::tensor({{2, -1}, {3, 2}});
  const auto valid = rows.ge(0);
  test::expect_gradcheck(
      [&](const auto& x) { return hard_negative_loss(global_hn_logits(x[0], x[1], caption, rows, x[2]), valid, {}).mean(); },
      {torch::randn({2, 3}, kDouble), torch::randn({4, 3}, kDouble), torch::tensor(1.7, kDouble)});
}

TEST(ScoresToLogits, GathersAndFillsWithZero) {
  const auto scores = torch::tensor({1.0, 2.0, 3.0, 4.0}, kDouble);
  const auto logits = scores_to_logits(scores, torch::tensor({0, 1}), torch::tensor({{3, -1}, {-1, 2}}));
  EXPECT_TRUE(torch::equal(logits, torch::tensor({{1.0, 4.0, 0.0}, {2.0, 0.0, 3.0}}, kDouble)));
}

}  // namespace
}  // namespace fsc
