// Crops against indexing by hand, also beyond the edges.
#include "fsc/image/crop.h"

#include <gtest/gtest.h>

#include "fsc/core/error.h"
#include "support/expect_error.h"

namespace fsc {
namespace {

/// 4 rows of 5 pixels, each of which holds 10 row + column + 1 in all three channels.
torch::Tensor numbered() {
  const auto rows = torch::arange(4).mul(10).unsqueeze(1), columns = torch::arange(5).add(1).unsqueeze(0);
  return (rows + columns).unsqueeze(2).expand({4, 5, 3}).to(torch::kUInt8);
}

std::vector<int64_t> values(const torch::Tensor& image) {
  const torch::Tensor first = image.select(2, 0).to(torch::kLong).contiguous().view(-1);
  return {first.data_ptr<int64_t>(), first.data_ptr<int64_t>() + first.numel()};
}

TEST(Crop, TakesTheBox) {
  const torch::Tensor part = crop_image(numbered(), {1, 2, 3, 4}, "x");
  EXPECT_EQ(part.sizes(), (std::vector<int64_t>{2, 2, 3}));
  EXPECT_TRUE(part.is_contiguous());
  EXPECT_EQ(values(part), (std::vector<int64_t>{22, 23, 32, 33}));
  EXPECT_TRUE(torch::equal(crop_image(numbered(), {0, 0, 5, 4}, "x"), numbered()));
}

TEST(Crop, BlackOutsideOfTheImage) {
  EXPECT_EQ(values(crop_image(numbered(), {-1, -1, 1, 1}, "x")), (std::vector<int64_t>{0, 0, 0, 1}));
  EXPECT_EQ(values(crop_image(numbered(), {4, 3, 6, 4}, "x")), (std::vector<int64_t>{35, 0}));
  EXPECT_EQ(values(crop_image(numbered(), {7, 7, 9, 8}, "x")), (std::vector<int64_t>{0, 0}));
}

TEST(Crop, RefusesWhatIsNoImage) {
  test::expect_error([] { crop_image(numbered(), {2, 1, 2, 3}, "photo 7"); }, ExitCode::kFailed, {"photo 7", "0 x 2"});
  test::expect_error([] { crop_image(numbered(), {3, 1, 2, 3}, "photo 7"); }, ExitCode::kFailed, {"photo 7", "-1 x 2"});
  test::expect_error(
      [] {
        crop_image(numbered(), {0, 0, 1 << 20, 1 << 20}, "photo 7");
      },
      ExitCode::kFailed, {"photo 7", "limit"});
}

}  // namespace
}  // namespace fsc
