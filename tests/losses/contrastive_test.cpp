// Contrastive loss: hand-computed values, extra columns, gradients, precision under autocast.
#include <ATen/autocast_mode.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <gtest/gtest.h>
#include <torch/nn/functional.h>
#include <torch/utils.h>

#include "fsc/losses/losses.h"
#include "support/gradcheck.h"

namespace fsc {
namespace {

using test::kDouble;

torch::Tensor unit_rows(int64_t rows, int64_t width, int64_t seed) {
  torch::manual_seed(seed);
  const auto x = torch::randn({rows, width}, kDouble);
  return x / x.norm(2, -1, true);
}

TEST(Contrastive, TwoPairsByHand) {
  const auto eye = torch::eye(2, kDouble);
  const auto scale = torch::tensor(2.0, kDouble);
  // Both directions: -log(e^2 / (e^2 + 1)).
  EXPECT_NEAR(contrastive_loss(eye, eye, scale).item<double>(), std::log1p(std::exp(-2.0)), 1e-14);
  // Everything swapped: -log(1 / (e^2 + 1)).
  EXPECT_NEAR(contrastive_loss(eye, eye.flip(0), scale).item<double>(), std::log1p(std::exp(2.0)), 1e-14);
}

TEST(Contrastive, OnePairHasNothingToTellApart) {
  EXPECT_EQ(contrastive_loss(unit_rows(1, 4, 1), unit_rows(1, 4, 2), torch::tensor(50.0, kDouble)).item<double>(), 0.0);
}

TEST(Contrastive, ExtraColumnsChangeImageToTextOnly) {
  const auto image = unit_rows(3, 5, 1), text = unit_rows(3, 5, 2), extra = unit_rows(4, 5, 3);
  const auto scale = torch::tensor(7.0, kDouble);
  const auto labels = torch::arange(3);
  const auto expected = 0.5 * (at::cross_entropy_loss(7.0 * image.matmul(torch::cat({text, extra}).t()), labels) +
                               at::cross_entropy_loss(7.0 * text.matmul(image.t()), labels));
  EXPECT_NEAR(contrastive_loss(image, text, scale, {.extra_ED = extra}).item<double>(), expected.item<double>(), 1e-14);
}

TEST(Contrastive, NoExtraRowsIsThePlainLoss) {
  const auto image = unit_rows(3, 5, 1), text = unit_rows(3, 5, 2);
  const auto scale = torch::tensor(7.0, kDouble);
  EXPECT_EQ(contrastive_loss(image, text, scale, {.extra_ED = torch::empty({0, 5}, kDouble)}).item<double>(),
            contrastive_loss(image, text, scale).item<double>());
}

TEST(Contrastive, MissingExtrasCountAsLogitZeroOrNotAtAll) {
  const auto image = unit_rows(2, 5, 1), text = unit_rows(2, 5, 2), extra = unit_rows(2, 5, 3);
  const auto scale = torch::tensor(7.0, kDouble);
  const auto valid = torch::tensor({true, false});
  const auto holed = extra * valid.unsqueeze(1);
  const double masked =
      contrastive_loss(image, text, scale, {.extra_ED = holed, .extra_valid_E = valid}, MissingNegatives::kMasked).item<double>();
  EXPECT_NEAR(masked, contrastive_loss(image, text, scale, {.extra_ED = extra.narrow(0, 0, 1)}).item<double>(), 1e-14);
  const double reference =
      contrastive_loss(image, text, scale, {.extra_ED = holed, .extra_valid_E = valid}, MissingNegatives::kReference)
          .item<double>();
  EXPECT_GT(reference, masked);
  EXPECT_THROW(contrastive_loss(image, text, scale, {.extra_ED = holed}, MissingNegatives::kMasked), c10::Error);
}

TEST(Contrastive, GradientsEqualDifferences) {
  const auto valid = torch::tensor({true, false, true});
  for (const auto missing : {MissingNegatives::kReference, MissingNegatives::kMasked}) {
    test::expect_gradcheck(
        [&](const auto& x) {
          return contrastive_loss(x[0], x[1], x[3], {.extra_ED = x[2] * valid.unsqueeze(1), .extra_valid_E = valid}, missing);
        },
        {unit_rows(3, 4, 1), unit_rows(3, 4, 2), unit_rows(3, 4, 3), torch::tensor(5.0, kDouble)});
  }
}

TEST(Contrastive, LargeScalesDoNotOverflow) {
  const auto eye = torch::eye(3, kDouble);
  const auto scale = torch::tensor(100.0, kDouble);
  for (const auto& [image, expected] : {std::pair{eye, 0.0}, {-eye, 100.0 + std::log(2.0)}}) {
    const auto loss = [&](const auto& x) { return contrastive_loss(x[0], x[1], x[2]); };
    const std::vector<torch::Tensor> inputs = {image.to(torch::kFloat32), eye.to(torch::kFloat32), scale.to(torch::kFloat32)};
    EXPECT_NEAR(loss(inputs).template item<float>(), expected, 1e-5);
    for (const auto& gradient : test::autograd_gradients(loss, inputs)) EXPECT_TRUE(gradient.isfinite().all().item<bool>());
  }
}

TEST(Contrastive, ShapesThatDoNotFitAreRefused) {
  const auto scale = torch::tensor(1.0, kDouble);
  EXPECT_THROW(contrastive_loss(unit_rows(3, 4, 1), unit_rows(2, 4, 2), scale), c10::Error);
}

TEST(Contrastive, AutocastDoesNotRoundTheLogits) {
  const auto image = unit_rows(4, 64, 1).to(torch::kFloat32), text = unit_rows(4, 64, 2).to(torch::kFloat32);
  const auto scale = torch::tensor(100.0f);
  const float plain = contrastive_loss(image, text, scale).item<float>();
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  const auto within = contrastive_loss(image, text, scale);
  const auto of_bf16 = contrastive_loss(image.to(torch::kBFloat16), text.to(torch::kBFloat16), scale);
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
  EXPECT_EQ(within.item<float>(), plain);
  EXPECT_EQ(of_bf16.scalar_type(), torch::kFloat32);
  const auto rounded = [](const torch::Tensor& x) { return x.to(torch::kBFloat16).to(torch::kFloat32); };
  EXPECT_EQ(of_bf16.item<float>(), contrastive_loss(rounded(image), rounded(text), scale).item<float>());
}

/// The rows of each of `parts` processes against all columns, as they would add up.
template <class Loss>
void expect_parts_average_to_whole(const Loss& loss) {
  const auto image = unit_rows(6, 5, 1), text = unit_rows(6, 5, 2), scale = torch::tensor(3.0, kDouble);
  const double whole = loss(image, text, scale, WorldColumns{}).template item<double>();
  for (const int64_t parts : {1, 2, 3}) {
    double sum = 0;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t rows = 6 / parts, offset = part * rows;
      const WorldColumns columns{.image_WD = image, .text_WD = text, .offset = offset};
      sum += loss(image.narrow(0, offset, rows), text.narrow(0, offset, rows), scale, columns).template item<double>();
    }
    EXPECT_NEAR(sum / static_cast<double>(parts), whole, 1e-13) << parts;
  }
}

TEST(WorldColumns, TheMeanOverProcessesIsTheLossOfAllRows) {
  expect_parts_average_to_whole([](const auto& image, const auto& text, const auto& scale, const auto& columns) {
    return contrastive_loss(image, text, scale, columns);
  });
  expect_parts_average_to_whole([](const auto& image, const auto& text, const auto& scale, const auto& columns) {
    return sigmoid_loss(image, text, scale, torch::tensor(-1.5, kDouble), columns);
  });
}

TEST(WorldColumns, ColumnsThatCannotBeAreBugs) {
  const auto rows = unit_rows(3, 4, 1), scale = torch::tensor(1.0, kDouble);
  EXPECT_THROW(contrastive_loss(rows, rows, scale, {.image_WD = rows, .text_WD = rows, .offset = 1}), c10::Error)
      << "past the end";
  EXPECT_THROW(contrastive_loss(rows, rows, scale, {.image_WD = rows}), c10::Error) << "images alone";
  EXPECT_THROW(contrastive_loss(rows, rows, scale, {.offset = 1}), c10::Error);
  EXPECT_THROW(contrastive_loss(rows, rows, scale, {.image_WD = unit_rows(3, 5, 1), .text_WD = rows}), c10::Error);
}

}  // namespace
}  // namespace fsc
