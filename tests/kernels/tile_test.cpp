// Products in register tiles, transposition and functions of vectors, as the plainest instruction set has them; the others are
// seen through the operations.
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <limits>

#include "kernels/cpu/detail_tile.h"

namespace fsc::detail {
namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();

TEST(Tile, ProductsOfEveryShape) {
  torch::manual_seed(3);
  for (const int64_t rows : {1, 5, 6, 7, 13, 49})
    for (const int64_t columns : {1, 4, 7, 8, 9, 33})
      for (const int64_t depth : {0, 1, 31, 64}) {
        const auto a = torch::randn({rows, depth}), b = torch::randn({depth, columns}), c = torch::randn({rows, columns});
        const auto a_transposed = a.t().contiguous();
        auto plain = torch::full({rows, columns}, 7.0F), added = c.clone();
        const auto product = a.to(torch::kFloat64).matmul(b.to(torch::kFloat64));
        const auto cast = [](int64_t size) { return static_cast<size_t>(size); };
        multiply({a.const_data_ptr<float>(), cast(depth), 1}, b.const_data_ptr<float>(), cast(columns), cast(rows), cast(columns),
                 cast(depth), plain.mutable_data_ptr<float>(), cast(columns), false);
        multiply({a_transposed.const_data_ptr<float>(), 1, cast(rows)}, b.const_data_ptr<float>(), cast(columns), cast(rows),
                 cast(columns), cast(depth), added.mutable_data_ptr<float>(), cast(columns), true);
        EXPECT_TRUE(torch::allclose(plain.to(torch::kFloat64), product, 1e-5, 1e-5)) << rows << " " << columns << " " << depth;
        EXPECT_TRUE(torch::allclose(added.to(torch::kFloat64), product + c, 1e-5, 1e-5))
            << rows << " " << columns << " " << depth;
      }
}

TEST(Tile, TransposesRowsOfBothTypes) {
  const size_t depth = 11, count = 6;
  const auto numbers = torch::arange(static_cast<int64_t>(depth * count), torch::kFloat32).view({6, 11});
  const auto halves = numbers.to(torch::kBFloat16);
  const float* rows[count];
  const uint16_t* half_rows[count];
  for (size_t i = 0; i < count; ++i) {
    rows[i] = numbers.const_data_ptr<float>() + i * depth;
    half_rows[i] = static_cast<const uint16_t*>(halves.const_data_ptr()) + i * depth;
  }
  const int64_t stride = padded(count);
  const auto expected = torch::constant_pad_nd(numbers.t(), {0, stride - 6}, 0);
  auto to = torch::full({11, stride}, 7.0F);
  transpose(rows, count, depth, to.mutable_data_ptr<float>());
  EXPECT_TRUE(torch::equal(to, expected));
  transpose(half_rows, count, depth, to.mutable_data_ptr<float>());
  EXPECT_TRUE(torch::equal(to, expected));
}

float exponential_of(float x) { return exponential(broadcast(x))[0]; }
float logarithm_of(float x) { return logarithm(broadcast(x))[0]; }

TEST(VectorFunctions, ExponentialIsWithinATenthOfAMillionth) {
  for (float x = -87.2F; x < 88.7F; x += 0.01234F)
    ASSERT_NEAR(exponential_of(x) / std::exp(static_cast<double>(x)), 1, 2e-7) << x;
  EXPECT_EQ(exponential_of(0), 1);
  EXPECT_EQ(exponential_of(-0.0F), 1);
  EXPECT_EQ(exponential_of(-kInfinite), 0);
  EXPECT_EQ(exponential_of(-100), 0);
  EXPECT_EQ(exponential_of(89), kInfinite);
  EXPECT_EQ(exponential_of(kInfinite), kInfinite);
  EXPECT_TRUE(std::isnan(exponential_of(std::nanf(""))));
}

TEST(VectorFunctions, LogarithmOfEverySize) {
  for (float x = 1e-37F; x < 1e38F; x *= 1.037F) {
    const double exact = std::log(static_cast<double>(x));
    ASSERT_NEAR(logarithm_of(x), exact, 3e-7 * std::max(1.0, std::abs(exact))) << x;
  }
  EXPECT_EQ(logarithm_of(1), 0);
  EXPECT_NEAR(logarithm_of(1e-44F), std::log(static_cast<double>(1e-44F)), 1e-4) << "not normal";
  EXPECT_EQ(logarithm_of(0), -kInfinite);
  EXPECT_EQ(logarithm_of(kInfinite), kInfinite);
  EXPECT_TRUE(std::isnan(logarithm_of(-1)));
  EXPECT_TRUE(std::isnan(logarithm_of(std::nanf(""))));
}

TEST(VectorFunctions, Bf16RoundsAsLibTorch) {
  auto numbers = torch::randn({64}) * torch::linspace(-20, 20, 64).exp();
  numbers[3] = std::nanf("");
  numbers[4] = kInfinite;
  numbers[5] = 1.00390625F;  // a tie
  numbers[6] = 1.01171875F;
  numbers[7] = 3.4e38F;
  auto rounded = torch::empty({64}, torch::kBFloat16);
  auto* const to = static_cast<uint16_t*>(rounded.mutable_data_ptr());
  for (size_t i = 0; i < 64; i += kLanes) store(to + i, load(numbers.const_data_ptr<float>() + i));
  EXPECT_TRUE(torch::allclose(rounded.to(torch::kFloat32), numbers.to(torch::kBFloat16).to(torch::kFloat32), 0, 0, true));
  for (size_t i = 0; i < 64; i += kLanes) store(numbers.mutable_data_ptr<float>() + i, load(to + i));
  EXPECT_TRUE(torch::allclose(rounded.to(torch::kFloat32), numbers, 0, 0, true));
}

}  // namespace
}  // namespace fsc::detail
