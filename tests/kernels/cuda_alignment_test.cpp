// The CUDA kernels of token-patch alignment, run on the host under every schedule, against plain loops in double.
#include "kernels/cuda_alignment_case.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

namespace fsc {
namespace {
using cuda_on_host::for_every_schedule;

/// Largest difference as a share of the largest value.
void expect_near(const std::vector<double>& is, const std::vector<double>& should, double tolerance, const char* what) {
  ASSERT_EQ(is.size(), should.size());
  double largest = 0, difference = 0;
  for (size_t i = 0; i < is.size(); ++i) {
    ASSERT_TRUE(std::isfinite(is[i])) << what << " " << i;
    if (std::abs(should[i]) >= 1e29) {
      EXPECT_FLOAT_EQ(is[i], should[i]);
      continue;
    }
    largest = std::max(largest, std::abs(should[i]));
    difference = std::max(difference, std::abs(is[i] - should[i]));
  }
  EXPECT_LE(difference, tolerance * largest) << what;
}

template <class T>
constexpr double kTolerance = sizeof(T) == 4              ? 2e-5
                              : std::is_same_v<T, __half> ? 8e-3
                                                          : 1.6e-2;

/// Under every schedule: near what is expected, and the same bits each time. Once more where no memory before a buffer may be
/// read.
template <class T>
void expect_right(const AlignmentCase& c) {
  const auto batch = batch_of<T>(c);
  const auto should = expected(c, batch);
  OnDevice<T> device(c, batch);
  AlignmentResult is, first;
  for_every_schedule([&] { is = device.run(); },
                     [&] {
                       expect_near(is.scores, should.scores, kTolerance<T>, "scores");
                       expect_near(is.token_gradients, should.token_gradients, kTolerance<T>, "token gradients");
                       expect_near(is.patch_gradients, should.patch_gradients, kTolerance<T>, "patch gradients");
                       expect_near({is.scale_gradient}, {should.scale_gradient}, 4 * kTolerance<T>, "scale gradient");
                       if (first.scores.empty()) first = is;
                       EXPECT_EQ(is.scores, first.scores);
                       EXPECT_EQ(is.token_gradients, first.token_gradients);
                       EXPECT_EQ(is.patch_gradients, first.patch_gradients);
                     });
  cuda_on_host::closed_end = cuda_on_host::ClosedEnd::kFirst;
  EXPECT_EQ(OnDevice<T>(c, batch).run().patch_gradients, first.patch_gradients);
  cuda_on_host::closed_end = cuda_on_host::ClosedEnd::kLast;
}
void expect_right_in_all_dtypes(const AlignmentCase& c) {
  for (const char* dtype : {"float", "bf16", "half"}) {
    SCOPED_TRACE(std::string(dtype) + ", P " + std::to_string(c.patches) + ", D " + std::to_string(c.depth));
    if (dtype[0] == 'f') expect_right<float>(c);
    if (dtype[0] == 'b') expect_right<__nv_bfloat16>(c);
    if (dtype[0] == 'h') expect_right<__half>(c);
  }
}

TEST(CudaAlignment, TextsOfSeveralImages) {
  // Owners out of order, an empty text, an image without text (2); tokens of an image: 17, 33 + 0, 0, 1.
  const AlignmentCase c{.lengths = {16, 1, 18, 1, 0, 15}, .owner = {1, 0, 0, 3, 1, 1}, .images = 4, .patches = 49, .depth = 40};
  expect_right_in_all_dtypes(c);
}

TEST(CudaAlignment, Weights) {
  AlignmentCase c{.lengths = {5, 12}, .owner = {0, 0}, .patches = 50, .depth = 32};
  c.sparsify = true;
  expect_right_in_all_dtypes(c);
  c.sparsify = false;
  c.softmax = true;
  expect_right_in_all_dtypes(c);
}

TEST(CudaAlignment, TailsOfPatchesAndColumns) {
  for (int patches : {1, 31, 33, 64, 65})
    expect_right_in_all_dtypes({.lengths = {3}, .owner = {0}, .patches = patches, .depth = 16});
  for (int depth : {5, 33, 64, 72, 136}) expect_right_in_all_dtypes({.lengths = {2}, .owner = {0}, .patches = 9, .depth = depth});
}

TEST(CudaAlignment, TailsOfTokens) {
  for (int tokens : {1, 15, 16, 17, 31, 32, 33})
    expect_right<float>({.lengths = {tokens}, .owner = {0}, .patches = 6, .depth = 8, .unaligned = tokens == 17});
  for (int tokens : {1, 17, 33}) expect_right<__nv_bfloat16>({.lengths = {tokens}, .owner = {0}, .patches = 6, .depth = 8});
}

TEST(CudaAlignment, ManyTokensOfAnImage) {
  // More than a block's share of tiles (image 0), and more than a block holds at a time.
  const AlignmentCase c{.lengths = {77, 1, 200}, .owner = {0, 1, 0}, .images = 2, .patches = 5, .depth = 16};
  expect_right<float>(c);
  expect_right<__half>(c);
}

TEST(CudaAlignment, ShapesOfModels) {
  expect_right<__nv_bfloat16>({.lengths = {9, 11}, .owner = {0, 0}, .patches = 49, .depth = 512, .scale = 40});
  expect_right<float>({.lengths = {7}, .owner = {0}, .patches = 196, .depth = 640, .sparsify = true});
  expect_right<__half>({.lengths = {14}, .owner = {0}, .patches = 257, .depth = 768, .softmax = true});
}

TEST(CudaAlignment, ManyPatches) {
  AlignmentCase c{.lengths = {17}, .owner = {0}, .patches = detail::kMostPatchesOf32Tokens + 1, .depth = 16};
  expect_right<float>(c);
  expect_right<__nv_bfloat16>(c);
  c.lengths = {2};
  c.patches = detail::kMostPatches;
  expect_right<float>(c);
}

TEST(CudaAlignment, ScalesOfTraining) {
  const AlignmentCase c{.lengths = {6, 3}, .owner = {0, 0}, .patches = 20, .depth = 24, .scale = 100, .unaligned = true};
  expect_right_in_all_dtypes(c);
}

TEST(CudaAlignment, AllPatchesAlikeCountAlike) {
  const AlignmentCase c{.lengths = {4}, .owner = {0}, .patches = 7, .depth = 8, .sparsify = true};
  auto batch = batch_of<float>(c);
  for (size_t i = 0; i < batch.patches.size(); ++i) batch.patches[i] = batch.patches[i % 8];
  const auto is = OnDevice<float>(c, batch).run(), should = expected(c, batch);
  expect_near(is.scores, should.scores, 1e-6, "scores");
  expect_near(is.token_gradients, should.token_gradients, 1e-5, "token gradients");
  expect_near(is.patch_gradients, should.patch_gradients, 1e-5, "patch gradients");
}

TEST(CudaAlignment, VectorsOfNearlyNoLengthAndGradientsOfZero) {
  const AlignmentCase c{.lengths = {2, 2}, .owner = {0, 1}, .images = 2, .patches = 3, .depth = 8};
  auto batch = batch_of<float>(c);
  for (int i = 0; i < 8; ++i) batch.tokens[i] *= 1e-13;     // a token
  for (int i = 24; i < 48; ++i) batch.patches[i] *= 1e-13;  // an image
  const auto is = OnDevice<float>(c, batch).run(), should = expected(c, batch);
  expect_near(is.scores, should.scores, 1e-6, "scores");
  // Beside 1 / 1e-12 all other gradients are small: text by text.
  const auto part = [](const std::vector<double>& all, size_t first, size_t count) {
    return std::vector<double>(all.begin() + first, all.begin() + first + count);
  };
  for (size_t token = 0; token < 3; ++token)
    expect_near(part(is.token_gradients, 8 * token, 8), part(should.token_gradients, 8 * token, 8), 1e-5, "token gradients");
  for (size_t image = 0; image < 2; ++image)
    expect_near(part(is.patch_gradients, 24 * image, 24), part(should.patch_gradients, 24 * image, 24), 1e-5, "patch gradients");

  std::fill(batch.score_gradients.begin(), batch.score_gradients.end(), 0.0);
  const auto none = OnDevice<float>(c, batch).run();
  for (const auto* values : {&none.token_gradients, &none.patch_gradients})
    for (double x : *values) EXPECT_EQ(x, 0.0);
}

TEST(CudaAlignment, WhatIsNotFiniteSpreadsAsFarAsItsText) {
  const AlignmentCase c{.lengths = {2, 3, 2}, .owner = {0, 0, 1}, .images = 2, .patches = 5, .depth = 8};
  for (const double bad : {double{NAN}, double{INFINITY}}) {
    auto batch = batch_of<float>(c);
    batch.tokens[3 * 8 + 1] = bad;  // of text 1
    auto is = OnDevice<float>(c, batch).run();
    EXPECT_TRUE(std::isfinite(is.scores[0]) && std::isnan(is.scores[1]) && std::isfinite(is.scores[2]));
    for (int token = 0; token < 7; ++token)
      EXPECT_EQ(std::isfinite(is.token_gradients[8 * token]), token < 2 || token > 4) << token;
    for (int patch = 0; patch < 10; ++patch) EXPECT_EQ(std::isfinite(is.patch_gradients[8 * patch]), patch >= 5) << patch;
    EXPECT_TRUE(std::isnan(is.scale_gradient));

    batch = batch_of<float>(c);
    batch.patches[2 * 8 + 1] = bad;  // of image 0
    is = OnDevice<float>(c, batch).run();
    EXPECT_TRUE(std::isnan(is.scores[0]) && std::isnan(is.scores[1]) && std::isfinite(is.scores[2]));
    for (int patch = 0; patch < 10; ++patch) EXPECT_EQ(std::isfinite(is.patch_gradients[8 * patch]), patch >= 5) << patch;
  }
}

TEST(CudaAlignment, NothingToCompare) {
  expect_right<float>({.lengths = {0, 0}, .owner = {1, 0}, .images = 2, .patches = 3, .depth = 8});
  const AlignmentCase none{.lengths = {}, .owner = {}, .images = 1, .patches = 3, .depth = 8};
  for (double x : OnDevice<float>(none, batch_of<float>(none)).run().patch_gradients) EXPECT_EQ(x, 0.0);
  const AlignmentCase nobody{.lengths = {}, .owner = {}, .images = 0, .patches = 3, .depth = 8};
  EXPECT_EQ(OnDevice<float>(nobody, batch_of<float>(nobody)).run().scale_gradient, 0);
}

}  // namespace
}  // namespace fsc
