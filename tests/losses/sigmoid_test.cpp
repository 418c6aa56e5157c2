// The sigmoid loss: open_clip's value and gradients, a plain re-computation, finite differences, extreme logits.
#include <gtest/gtest.h>

#include <cmath>

#include "fsc/losses/losses.h"
#include "support/fill.h"
#include "support/golden.h"
#include "support/gradcheck.h"

namespace fsc {
namespace {

torch::Tensor unit_rows(const std::string& name, int64_t rows, int64_t width) {
  const auto x = test::fill_signed(name, {rows, width}).to(torch::kFloat64);
  return x / x.norm(2, 1, true);
}
torch::Tensor scalar(double value) { return torch::tensor(value, torch::kFloat64); }

TEST(SigmoidLoss, EqualsOpenClips) {
  const test::Golden golden = test::read_golden("siglip.safetensors");
  for (const std::string v : {"tiny-siglip/", "tiny-siglip2/"}) {
    const auto log_scale = torch::tensor(std::log(1 / 0.07), torch::kFloat64).requires_grad_();
    const auto bias = scalar(-1.5).requires_grad_();
    const auto loss = sigmoid_loss(golden.at(v + "image_features").to(torch::kFloat64),
                                   golden.at(v + "text_features").to(torch::kFloat64), log_scale.exp(), bias);
    loss.backward();
    EXPECT_NEAR(loss.item<double>(), golden.at(v + "loss").item<double>(), 1e-6);
    EXPECT_NEAR(log_scale.grad().item<double>(), golden.at(v + "grad.logit_scale").item<double>(), 1e-6);
    EXPECT_NEAR(bias.grad().item<double>(), golden.at(v + "grad.logit_bias").item<double>(), 1e-6);
  }
}

TEST(SigmoidLoss, IsTheSumOverPairsByHand) {
  const auto image = unit_rows("image", 4, 6), text = unit_rows("text", 4, 6);
  double expected = 0;
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      const double logit = 3.0 * image[i].dot(text[j]).item<double>() - 0.7;
      expected += std::log1p(std::exp(i == j ? -logit : logit)) / 4;
    }
  }
  EXPECT_NEAR(sigmoid_loss(image, text, scalar(3), scalar(-0.7)).item<double>(), expected, 1e-12);
}

TEST(SigmoidLoss, GradientsAreTheSlopes) {
  test::expect_gradcheck([](const std::vector<torch::Tensor>& x) { return sigmoid_loss(x[0], x[1], x[2], x[3]); },
                         {unit_rows("image", 3, 4), unit_rows("text", 3, 4), scalar(2.5), scalar(-1)});
}

TEST(SigmoidLoss, ExtremeLogitsStayFinite) {
  const auto image = torch::eye(2, torch::kFloat32).requires_grad_();
  const auto text = torch::eye(2, torch::kFloat32).flip(0);  // every pair wrong
  const auto loss = sigmoid_loss(image, text, torch::tensor(100.f), torch::tensor(-50.f));
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), 100, 1e-4);
  EXPECT_TRUE(image.grad().isfinite().all().item<bool>());
  EXPECT_LT(sigmoid_loss(image, image, torch::tensor(200.f), torch::tensor(-100.f)).item<double>(), 1e-40);
}

TEST(SigmoidLoss, AModelWithoutBiasIsABug) {
  EXPECT_THROW(sigmoid_loss(torch::eye(2), torch::eye(2), torch::tensor(1.f), {}), c10::Error);
  EXPECT_THROW(sigmoid_loss(torch::eye(2), torch::eye(3), torch::tensor(1.f), torch::tensor(0.f)), c10::Error);
}

}  // namespace
}  // namespace fsc
