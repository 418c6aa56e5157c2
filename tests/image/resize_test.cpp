// Resampling against bytes that Pillow 13 computed, and its laws.
#include <gtest/gtest.h>

#include "image/detail_resize.h"
#include "image/pattern.h"

namespace fsc::detail {
namespace {

using fsc::test::bytes_of;
using fsc::test::pattern;

torch::Tensor resize(const torch::Tensor& image, int64_t h, int64_t w, Interpolation interpolation = Interpolation::kBicubic) {
  return crop_resize_crop(image, {0, 0, image.size(0), image.size(1)}, h, w, {0, 0, h, w}, interpolation);
}

TEST(Resize, EqualsPillow) {
  // Image.fromarray(pattern(9, 6)).resize((w, h), ...)
  EXPECT_EQ(bytes_of(resize(pattern(9, 6), 6, 3)),
            (std::vector<int>{53,  111, 169, 119, 118, 177, 136, 131, 110, 126, 185, 169, 81,  88,  133, 137, 124, 116,
                              100, 146, 148, 87,  110, 127, 118, 107, 95,  138, 96,  109, 92,  115, 132, 92,  152, 145,
                              116, 75,  140, 81,  105, 138, 127, 184, 126, 119, 166, 149, 126, 136, 113, 62,  119, 109}));
  EXPECT_EQ(
      bytes_of(resize(pattern(9, 6), 2, 7, Interpolation::kBilinear)),
      (std::vector<int>{96,  127, 148, 112, 160, 157, 93, 125, 156, 90, 100, 137, 103, 102, 133, 116, 117, 138, 146, 152, 72,
                        170, 115, 96,  93,  123, 157, 98, 95,  147, 99, 109, 126, 97,  150, 115, 110, 160, 114, 90,  125, 142}));
}

TEST(Resize, GoesVerticallyFirstWhenTheHeightShrinksFarMore) {  // the other order gives ten other bytes here
  EXPECT_EQ(bytes_of(resize(pattern(9, 6), 3, 5)),
            (std::vector<int>{72,  135, 174, 109, 167, 168, 86,  93,  150, 126, 80,  140, 143, 156, 88,
                              147, 125, 107, 90,  115, 155, 91,  98,  111, 83,  143, 150, 133, 131, 92,
                              154, 124, 117, 82,  104, 166, 105, 107, 130, 115, 173, 83,  73,  132, 159}));
}

TEST(Resize, SameSizeIsTheIdentityAndFlatStaysFlat) {
  const auto image = pattern(11, 13);
  for (const auto interpolation : {Interpolation::kBicubic, Interpolation::kBilinear}) {
    EXPECT_TRUE(torch::equal(resize(image, 11, 13, interpolation), image));
    for (const int level : {0, 1, 128, 254, 255}) {
      const auto flat = torch::full({17, 5, 3}, level, torch::kUInt8);
      EXPECT_EQ(resize(flat, 4, 31, interpolation).to(torch::kInt64).sub(level).abs().max().item<int64_t>(), 0) << level;
    }
  }
}

TEST(Resize, OnePixelFillsTheResult) {
  const auto one = pattern(4, 4).slice(0, 2, 3).slice(1, 3, 4);
  EXPECT_TRUE(torch::equal(resize(one, 6, 9), one.expand({6, 9, 3})));
}

TEST(Resize, WindowIsACropOfTheWhole) {
  const auto image = pattern(40, 23);
  for (const auto& [h, w] : {std::pair<int64_t, int64_t>{12, 20}, {30, 9}, {80, 50}}) {
    const auto whole = resize(image, h, w);
    const auto part = crop_resize_crop(image, {0, 0, 40, 23}, h, w, {3, 2, 7, 5}, Interpolation::kBicubic);
    EXPECT_TRUE(torch::equal(part, whole.slice(0, 3, 10).slice(1, 2, 7))) << h << " x " << w;
  }
}

TEST(Resize, SourceBoxSeesNothingBeyondItsEdges) {
  const auto image = pattern(40, 23);
  const auto cropped = image.slice(0, 5, 35).slice(1, 4, 20).contiguous();
  for (const auto& [h, w] : {std::pair<int64_t, int64_t>{8, 8}, {50, 60}, {10, 14}}) {
    const auto part = crop_resize_crop(image, {5, 4, 30, 16}, h, w, {0, 0, h, w}, Interpolation::kBicubic);
    EXPECT_TRUE(torch::equal(part, resize(cropped, h, w)));
  }
}

TEST(Resize, AcceptsStridedInput) {
  const auto image = pattern(12, 10);
  EXPECT_TRUE(torch::equal(resize(image.transpose(0, 1), 5, 6), resize(image.transpose(0, 1).contiguous(), 5, 6)));
}

TEST(Resize, RefusesWrongArguments) {
  const auto image = pattern(12, 10);
  EXPECT_THROW(resize(image.to(torch::kFloat32), 5, 5), c10::Error);
  EXPECT_THROW(resize(image.slice(2, 0, 2), 5, 5), c10::Error);
  EXPECT_THROW(crop_resize_crop(image, {0, 0, 13, 10}, 5, 5, {0, 0, 5, 5}, Interpolation::kBicubic), c10::Error);
  EXPECT_THROW(crop_resize_crop(image, {0, 0, 12, 10}, 5, 5, {1, 0, 5, 5}, Interpolation::kBicubic), c10::Error);
}

}  // namespace
}  // namespace fsc::detail
