// The transforms against open_clip's, and the laws of the random crop.
#include "fsc/image/preprocess.h"

#include <gtest/gtest.h>

#include "fsc/image/decode.h"
#include "image/detail_crop.h"
#include "image/detail_model_input.h"
#include "image/pattern.h"
#include "support/golden.h"

namespace fsc {
namespace {

using test::pattern;

Preprocess small(int64_t size) {
  Preprocess preprocess;
  preprocess.size = size;
  return preprocess;
}

TEST(EvalTransform, EqualsOpenClip) {
  const auto golden = test::read_golden("pixels.safetensors");
  int compared = 0;
  for (const auto& [name, expected] : golden) {
    if (!name.starts_with("eval/")) continue;
    const auto input = eval_transform(decode_image_file(std::string(FSC_TEST_DATA) + "/images/" + name.substr(5)), small(32));
    ASSERT_EQ(input.sizes(), (std::vector<int64_t>{3, 32, 32}));
    EXPECT_LE((input - expected).abs().max().item<double>(), 1e-6) << name;
    ++compared;
  }
  EXPECT_GE(compared, 20);
}

TEST(ResizeAndCrop, KeepsTheMiddleOfTheLongerSide) {
  // 5 x 12 -> longer side int(8 * 12 / 5) = 19; the crop starts at round(11 / 2 = 5.5) = 6, halves going to the even number.
  const auto wide = pattern(5, 12), tall = wide.transpose(0, 1).contiguous();
  const auto whole = detail::crop_resize_crop(wide, {0, 0, 5, 12}, 8, 19, {0, 0, 8, 19}, Interpolation::kBicubic);
  EXPECT_TRUE(torch::equal(resize_and_crop(wide, small(8)), whole.slice(1, 6, 14)));
  EXPECT_EQ(resize_and_crop(tall, small(8)).sizes(), (std::vector<int64_t>{8, 8, 3}));
}

TEST(ResizeAndCrop, SquashKeepsEverything) {
  auto squash = small(8);
  squash.resize_mode = ResizeMode::kSquash;
  const auto image = pattern(5, 12);
  EXPECT_TRUE(torch::equal(resize_and_crop(image, squash),
                           detail::crop_resize_crop(image, {0, 0, 5, 12}, 8, 8, {0, 0, 8, 8}, Interpolation::kBicubic)));
}

TEST(ResizeAndCrop, TakesExtremeShapes) {
  for (const auto& [h, w] : {std::pair<int64_t, int64_t>{1, 1}, {1, 500}, {500, 1}, {3, 700}}) {
    EXPECT_EQ(resize_and_crop(pattern(h, w), small(16)).sizes(), (std::vector<int64_t>{16, 16, 3}));
  }
  EXPECT_THROW(resize_and_crop(torch::empty({0, 4, 3}, torch::kUInt8), small(16)), c10::Error);
}

TEST(ToModelInput, NormalisesEachChannel) {
  const auto pixels = pattern(4, 6).permute({2, 0, 1});
  const Preprocess preprocess;
  const auto input = to_model_input(pixels, preprocess);
  ASSERT_EQ(input.sizes(), (std::vector<int64_t>{3, 4, 6}));
  for (size_t c = 0; c < 3; ++c) {
    const auto i = static_cast<int64_t>(c);
    const auto expected = (pixels[i].to(torch::kFloat32) / 255.0 - preprocess.mean[c]) / preprocess.std[c];
    EXPECT_LE((input[i] - expected).abs().max().item<double>(), 1e-6);
  }
  EXPECT_THROW(to_model_input(pixels.to(torch::kInt32), preprocess), c10::Error);
  EXPECT_THROW(to_model_input(pattern(4, 6), preprocess), c10::Error) << "channels last";
}

TEST(ToModelInput, GivesTheSameBitsByItselfInABatchAndByADevicesOperations) {
  const auto bytes = torch::arange(256, torch::kUInt8).reshape({16, 16});
  const auto batch = torch::stack({bytes.expand({3, 16, 16}), bytes.flip(0).expand({3, 16, 16})});
  Preprocess odd;
  odd.mean = {0.1, 0.5, 0.7};
  odd.std = {0.3, 0.5, 0.0123};
  for (const auto& preprocess : {Preprocess{}, odd}) {
    const auto input = to_model_input(batch, preprocess);
    for (int64_t i = 0; i < 2; ++i) EXPECT_TRUE(torch::equal(input[i], to_model_input(batch[i], preprocess)));
    EXPECT_TRUE(torch::equal(input, detail::normalized_on_device(batch, preprocess)));
  }
  EXPECT_EQ(to_model_input(batch.slice(0, 0, 0), odd).sizes(), (std::vector<int64_t>{0, 3, 16, 16}));
}

TEST(RandomCrop, AreaIsUniformAspectLogUniformPlaceUniform) {
  constexpr int kDraws = 20000;
  constexpr int64_t kSide = 1000;
  double area = 0, area_square = 0, log_aspect = 0, log_aspect_square = 0, top = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    Rng rng({3, i});
    const auto box = detail::draw_crop(kSide, kSide, {0.1, 0.5}, {0.75, 4.0 / 3.0}, rng);
    ASSERT_TRUE(box.top >= 0 && box.left >= 0 && box.top + box.height <= kSide && box.left + box.width <= kSide);
    const double a = static_cast<double>(box.height * box.width) / (kSide * kSide);
    const double l = std::log(static_cast<double>(box.width) / static_cast<double>(box.height));
    area += a, area_square += a * a, log_aspect += l, log_aspect_square += l * l;
    top += static_cast<double>(box.top) / static_cast<double>(kSide - box.height);
  }
  const double mean = area / kDraws;
  const double log_width = 2 * std::log(4.0 / 3.0);
  EXPECT_NEAR(mean, 0.3, 0.004);
  EXPECT_NEAR(area_square / kDraws - mean * mean, 0.16 / 12, 0.0005);
  EXPECT_NEAR(log_aspect / kDraws, 0.0, 0.006);
  EXPECT_NEAR(log_aspect_square / kDraws, log_width * log_width / 12, 0.001);
  EXPECT_NEAR(top / kDraws, 0.5, 0.01);
}

TEST(RandomCrop, FallsBackToTheLargestCentralCrop) {
  Rng rng({4});
  const auto wide = detail::draw_crop(10, 1000, {0.9, 1.0}, {0.75, 4.0 / 3.0}, rng);
  EXPECT_EQ((std::vector<int64_t>{wide.top, wide.left, wide.height, wide.width}), (std::vector<int64_t>{0, 493, 10, 13}));
  const auto tall = detail::draw_crop(1000, 9, {0.9, 1.0}, {0.75, 4.0 / 3.0}, rng);
  EXPECT_EQ((std::vector<int64_t>{tall.top, tall.left, tall.height, tall.width}), (std::vector<int64_t>{494, 0, 12, 9}));
  const auto whole = detail::draw_crop(100, 110, {1.5, 1.6}, {0.75, 4.0 / 3.0}, rng);  // no such area fits
  EXPECT_EQ((std::vector<int64_t>{whole.top, whole.left, whole.height, whole.width}), (std::vector<int64_t>{0, 0, 100, 110}));
}

TEST(TrainPixels, IsAFunctionOfTheStream) {
  AugmentConfig augment;
  augment.color_jitter = {0.4, 0.4, 0.2, 0.1};
  augment.color_jitter_prob = 0.8;
  augment.gray_scale_prob = 0.2;
  const auto image = pattern(50, 70);
  const auto draw = [&](uint64_t index) {
    Rng rng = Rng::of(1, 2, index, Stream::kAugment);
    return train_pixels(image, small(16), augment, rng);
  };
  EXPECT_EQ(draw(5).sizes(), (std::vector<int64_t>{3, 16, 16}));
  EXPECT_TRUE(torch::equal(draw(5), draw(5)));
  EXPECT_FALSE(torch::equal(draw(5), draw(6)));
}

TEST(TrainPixels, WholeSquareImageIsTheEvalTransforms) {
  AugmentConfig augment;
  augment.scale = {1.0, 1.0};
  augment.ratio = {1.0, 1.0};
  const auto image = pattern(40, 40);
  Rng rng({6});
  EXPECT_TRUE(torch::equal(train_pixels(image, small(16), augment, rng), eval_pixels(image, small(16))));
}

TEST(TrainPixels, GreyAndJitterHappenAsOftenAsTheyShould) {
  const Preprocess plain = small(4);
  AugmentConfig augment;
  augment.gray_scale_prob = 0.25;
  const auto image = torch::tensor({200, 100, 50}, torch::kUInt8).expand({8, 8, 3}).contiguous();
  int grey = 0, jittered = 0;
  constexpr int kDraws = 4000;
  for (uint64_t i = 0; i < kDraws; ++i) {
    Rng rng({7, i});
    const auto pixels = train_pixels(image, plain, augment, rng);
    grey += torch::equal(pixels[0], pixels[2]);
  }
  augment.gray_scale_prob = 0;
  augment.color_jitter = {0.5, 0.5, 0.5};
  augment.color_jitter_prob = 0.75;
  for (uint64_t i = 0; i < kDraws; ++i) {
    Rng rng({8, i});
    jittered += !torch::equal(train_pixels(image, plain, augment, rng), detail::to_planes(image.slice(0, 0, 4).slice(1, 0, 4)));
  }
  EXPECT_NEAR(grey, 0.25 * kDraws, 4 * std::sqrt(0.25 * 0.75 * kDraws));
  EXPECT_NEAR(jittered, 0.75 * kDraws, 4 * std::sqrt(0.25 * 0.75 * kDraws) + 20);  // a few draws change less than a level
}

}  // namespace
}  // namespace fsc
