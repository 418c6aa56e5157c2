// Colour adjustments against torchvision's on PIL images, and the law of the jitter.
#include <gtest/gtest.h>

#include <set>

#include "image/detail_color.h"
#include "image/pattern.h"

namespace fsc::detail {
namespace {

using fsc::test::bytes_of;
using fsc::test::pattern;

template <class... Arguments>
std::vector<int> after(void (*adjust)(torch::Tensor&, Arguments...), Arguments... arguments) {
  auto image = pattern(2, 3);
  adjust(image, arguments...);
  return bytes_of(image);
}

TEST(Color, EqualsTorchvisionOnPilImages) {  // functional.adjust_*(Image.fromarray(pattern(2, 3)), factor)
  using Bytes = std::vector<int>;
  EXPECT_EQ(after(adjust_brightness, 1.3),
            (Bytes{0, 68, 137, 48, 116, 185, 192, 255, 255, 118, 187, 255, 188, 255, 255, 22, 91, 159}));
  EXPECT_EQ(after(adjust_brightness, 0.6), (Bytes{0, 31, 63, 22, 54, 85, 88, 120, 152, 54, 86, 118, 87, 118, 150, 10, 42, 73}));
  EXPECT_EQ(after(adjust_contrast, 1.7), (Bytes{0, 8, 99, 0, 71, 161, 170, 255, 255, 73, 163, 253, 165, 255, 255, 0, 37, 127}));
  EXPECT_EQ(after(adjust_saturation, 0.4),
            (Bytes{25, 47, 68, 62, 84, 105, 173, 195, 216, 116, 138, 159, 170, 192, 213, 42, 64, 85}));
  EXPECT_EQ(after(adjust_saturation, 1.8),
            (Bytes{0, 61, 156, 2, 98, 193, 113, 209, 255, 56, 152, 247, 110, 206, 255, 0, 78, 173}));
  EXPECT_EQ(after(adjust_hue, 0.2), (Bytes{72, 0, 106, 109, 37, 143, 220, 148, 254, 163, 91, 197, 218, 146, 251, 89, 17, 123}));
  EXPECT_EQ(after(adjust_hue, -0.35), (Bytes{65, 106, 0, 102, 143, 37, 213, 254, 148, 156, 197, 91, 210, 251, 146, 82, 123, 17}));
  EXPECT_EQ(after(make_grey), (Bytes{43, 43, 43, 80, 80, 80, 191, 191, 191, 134, 134, 134, 188, 188, 188, 60, 60, 60}));
}

TEST(Color, FactorOneChangesNothing) {
  for (auto* adjust : {adjust_brightness, adjust_contrast, adjust_saturation})
    EXPECT_EQ(after(adjust, 1.0), bytes_of(pattern(2, 3)));
}

TEST(Color, GreyHasNoHueSaturationOrContrast) {
  auto image = torch::full({3, 4, 3}, 77, torch::kUInt8);
  const auto before = image.clone();
  adjust_hue(image, 0.4);
  adjust_saturation(image, 3.0);
  adjust_contrast(image, 0.2);
  make_grey(image);
  EXPECT_TRUE(torch::equal(image, before));
}

TEST(Color, RefusesWhatItCannotWorkOnInPlace) {
  auto strided = pattern(4, 4).transpose(0, 1), real = pattern(4, 4).to(torch::kFloat32), image = pattern(2, 2);
  EXPECT_THROW(adjust_hue(strided, 0.1), c10::Error);
  EXPECT_THROW(make_grey(real), c10::Error);
  Rng rng({1});
  EXPECT_THROW(color_jitter(image, {0.1, 0.1}, rng), c10::Error);
}

TEST(ColorJitter, BrightnessFactorIsUniformInItsRange) {
  constexpr int kDraws = 4000;
  double sum = 0, low = 255, high = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    auto image = torch::full({1, 1, 3}, 100, torch::kUInt8);
    Rng rng({9, i});
    color_jitter(image, {0.4, 0.0, 0.0}, rng);
    const double level = image[0][0][0].item<double>();
    sum += level, low = std::min(low, level), high = std::max(high, level);
  }
  EXPECT_GE(low, 60);
  EXPECT_LE(low, 61);
  EXPECT_LE(high, 140);
  EXPECT_GE(high, 138);
  EXPECT_NEAR(sum / kDraws, 99.5, 4 * 40 / std::sqrt(3.0 * kDraws));  // bytes are cut off, hence the half level
}

TEST(ColorJitter, StrengthAboveOneNeverMakesANegativeFactor) {
  std::set<int> levels;
  for (uint64_t i = 0; i < 500; ++i) {
    auto image = torch::full({1, 1, 3}, 50, torch::kUInt8);
    Rng rng({10, i});
    color_jitter(image, {2.0, 0.0, 0.0}, rng);
    levels.insert(image[0][0][0].item<int>());
  }
  EXPECT_LE(*levels.rbegin(), 150);
  EXPECT_GT(levels.size(), 100u);
}

TEST(ColorJitter, OrderIsRandomAndZeroStrengthsAreOff) {
  std::set<std::vector<int>> results;
  for (uint64_t i = 0; i < 64; ++i) {
    auto image = pattern(2, 3);
    Rng rng({11, i});
    color_jitter(image, {0.0, 0.0, 0.0, 0.0}, rng);
    EXPECT_EQ(bytes_of(image), bytes_of(pattern(2, 3)));
    Rng again({11, i}), same({11, i});
    auto first = pattern(2, 3), second = pattern(2, 3);
    color_jitter(first, {0.4, 0.4, 0.2, 0.1}, again);
    color_jitter(second, {0.4, 0.4, 0.2, 0.1}, same);
    EXPECT_TRUE(torch::equal(first, second));
    results.insert(bytes_of(first));
  }
  EXPECT_GT(results.size(), 60u);
}

TEST(ColorJitter, DrawsAsManyNumbersWhateverIsOff) {
  Rng with({12}), without({12});
  auto image = pattern(2, 3);
  color_jitter(image, {0.4, 0.4, 0.2, 0.1}, with);
  color_jitter(image, {0.0, 0.4, 0.0, 0.0}, without);
  EXPECT_EQ(with.next(), without.next());
}

}  // namespace
}  // namespace fsc::detail
