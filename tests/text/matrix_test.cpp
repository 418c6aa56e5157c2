// Matrix products and layer normalisation of every instruction set against plain loops in double precision, and bit for bit among
// rows.
#include "text/detail_matrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fsc/core/rng.h"
#include "support/expect_error.h"
#include "text/byte_writer.h"

namespace fsc::detail {
namespace {

std::vector<float> random_floats(size_t count, uint64_t seed) {
  Rng rng({seed});
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

std::vector<const float*> rows_of(const std::vector<float>& values, size_t width) {
  std::vector<const float*> rows;
  for (size_t i = 0; i + width <= values.size(); i += width) rows.push_back(values.data() + i);
  return rows;
}

Affine random_affine(size_t inputs, size_t outputs) {
  const size_t columns = (outputs + kColumnBlock - 1) / kColumnBlock * kColumnBlock;
  test::ByteWriter bytes;
  bytes.u32(static_cast<uint32_t>(inputs)).u32(static_cast<uint32_t>(columns));
  bytes.floats(random_floats(inputs * columns, 1)).floats(random_floats(columns, 2));
  Reader reader = bytes.reader();
  return Affine(reader, inputs, outputs);
}

class AllKernels : public testing::TestWithParam<const Kernels*> {};
INSTANTIATE_TEST_SUITE_P(Matrix, AllKernels, testing::ValuesIn(usable_kernels()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST_P(AllKernels, AffineIsThePlainProduct) {
  for (const size_t inputs : {1, 7, 96}) {
    const Affine affine = random_affine(inputs, 70);
    ASSERT_EQ(affine.columns, 96U);
    for (const size_t count : {0, 1, 2, 3, 5, 6, 11, 20}) {
      const auto values = random_floats(count * inputs, 3);
      const auto rows = rows_of(values, inputs);
      std::vector<float> out(count * affine.columns);
      GetParam()->affine(affine.weights.data(), affine.bias.data(), inputs, affine.columns, rows.data(), count, out.data());
      for (size_t r = 0; r < count; ++r)
        for (size_t c = 0; c < affine.columns; ++c) {
          double expected = affine.bias[c];
          const float* column = &affine.weights[c / kColumnBlock * inputs * kColumnBlock + c % kColumnBlock];
          for (size_t k = 0; k < inputs; ++k) expected += static_cast<double>(column[k * kColumnBlock]) * rows[r][k];
          ASSERT_NEAR(out[r * affine.columns + c], expected, 2e-5)
              << inputs << " inputs, row " << r << " of " << count << ", column " << c;
        }
    }
  }
}

TEST_P(AllKernels, ARowDoesNotDependOnItsNeighbours) {
  const Affine affine = random_affine(288, 288);
  const auto values = random_floats(13 * 288, 4);
  const auto rows = rows_of(values, 288);
  std::vector<float> together(13 * 288), alone(288);
  GetParam()->affine(affine.weights.data(), affine.bias.data(), 288, 288, rows.data(), 13, together.data());
  for (size_t r = 0; r < 13; ++r) {
    GetParam()->affine(affine.weights.data(), affine.bias.data(), 288, 288, rows.data() + r, 1, alone.data());
    EXPECT_EQ(alone, std::vector<float>(together.begin() + static_cast<ptrdiff_t>(r * 288),
                                        together.begin() + static_cast<ptrdiff_t>(r * 288 + 288)));
  }
}

TEST_P(AllKernels, MaxoutNormIsThePlainFormula) {
  const auto values = random_floats(2 * kPieces * kWidth, 5), residual = random_floats(2 * kWidth, 6),
             gain = random_floats(kWidth, 7), shift = random_floats(kWidth, 8);
  for (const bool with_residual : {false, true}) {
    std::vector<float> out(2 * kWidth);
    const auto residual_rows = rows_of(residual, kWidth);
    float* const out_rows[] = {out.data(), out.data() + kWidth};
    GetParam()->maxout_norm(values.data(), gain.data(), shift.data(), with_residual ? residual_rows.data() : nullptr, 2,
                            out_rows);
    for (size_t r = 0; r < 2; ++r) {
      std::vector<double> best(kWidth, -1e9);
      double mean = 0, variance = 0;
      for (size_t i = 0; i < kWidth; ++i) {
        for (size_t piece = 0; piece < kPieces; ++piece)
          best[i] = std::max<double>(best[i], values[(r * kPieces + piece) * kWidth + i]);
        mean += best[i] / kWidth;
      }
      for (const double value : best) variance += (value - mean) * (value - mean) / kWidth;
      for (size_t i = 0; i < kWidth; ++i) {
        const double expected =
            (best[i] - mean) / std::sqrt(variance + 1e-8) * gain[i] + shift[i] + (with_residual ? residual[r * kWidth + i] : 0);
        ASSERT_NEAR(out[r * kWidth + i], expected, 1e-5);
      }
    }
  }
}

TEST_P(AllKernels, ConstantRowsAreNormalisedToTheShift) {
  const std::vector<float> values(kPieces * kWidth, 3.25F), gain(kWidth, 2.0F), shift(kWidth, 0.5F);
  std::vector<float> out(kWidth);
  float* const row = out.data();
  GetParam()->maxout_norm(values.data(), gain.data(), shift.data(), nullptr, 1, &row);
  EXPECT_EQ(out, shift);
}

TEST(Kernels, WideVectorsGiveTheSameBits) {
  const auto usable = usable_kernels();
  if (usable.size() < 3) GTEST_SKIP() << "needs a processor with AVX-512";
  const Affine affine = random_affine(96, 96);
  const auto values = random_floats(7 * 96, 9);
  const auto rows = rows_of(values, 96);
  std::vector<float> products[2], normed[2];
  for (size_t i = 0; i < 2; ++i) {
    products[i].resize(7 * 96);
    usable[i + 1]->affine(affine.weights.data(), affine.bias.data(), 96, 96, rows.data(), 7, products[i].data());
    normed[i].resize(kWidth);
    float* const row = normed[i].data();
    usable[i + 1]->maxout_norm(products[i].data(), values.data(), values.data() + kWidth, nullptr, 1, &row);
  }
  EXPECT_EQ(products[0], products[1]);
  EXPECT_EQ(normed[0], normed[1]);
}

TEST(Kernels, TheBestOnesAreChosen) { EXPECT_EQ(&kernels(), usable_kernels().back()); }

TEST(Affine, RefusesOtherSizesAndNumbers) {
  const auto refuses = [](const test::ByteWriter& bytes, const std::string& part) {
    Reader reader = bytes.reader();
    test::expect_error([&] { Affine(reader, 1, 2); }, ExitCode::kFailed, {"by_hand.bin", part, "scripts/setup"});
  };
  refuses(test::ByteWriter().u32(2).u32(32), "a matrix of 2 x 32 where 1 x 32 belongs");
  refuses(test::ByteWriter().u32(1).u32(2), "a matrix of 1 x 2 where 1 x 32 belongs");
  refuses(test::ByteWriter().u32(1).u32(32).floats(std::vector<float>(63)), "ends early");
  std::vector<float> numbers(64);
  numbers[40] = std::numeric_limits<float>::quiet_NaN();
  refuses(test::ByteWriter().u32(1).u32(32).floats(numbers), "no finite number");
  numbers[40] = std::numeric_limits<float>::infinity();
  refuses(test::ByteWriter().u32(1).u32(32).floats(numbers), "no finite number");
}

}  // namespace
}  // namespace fsc::detail
