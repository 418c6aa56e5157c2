// Charts are PNG files of the promised size that show every series.
#include "fsc/image/plot.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fsc/core/error.h"
#include "fsc/image/decode.h"
#include "support/temp_dir.h"

namespace fsc {
namespace {

class Plot : public ::testing::Test {
 protected:
  torch::Tensor draw(const std::vector<Series>& series) {
    write_line_chart(folder_ / "chart.png", "Title", "step", series);
    const auto image = decode_image_file(folder_ / "chart.png");
    EXPECT_EQ(image.sizes(), (std::vector<int64_t>{540, 900, 3}));
    return image;
  }
  /// Pixels within 12 levels of a colour.
  static int64_t count(const torch::Tensor& image, int r, int g, int b) {
    const auto colour = torch::tensor({r, g, b}, torch::kInt32);
    return (image.to(torch::kInt32) - colour).abs().amax(2).le(12).sum().item<int64_t>();
  }

  test::TempDir folder_;
};

TEST_F(Plot, ShowsEverySeriesInItsOwnColour) {
  Series falling{"falling", {}}, rising{"rising", {}};
  for (int i = 0; i < 300; ++i) {
    falling.points.emplace_back(i, std::exp(-i / 100.0));
    rising.points.emplace_back(i, i / 300.0);
  }
  const auto image = draw({falling, rising});
  EXPECT_GT(count(image, 31, 119, 180), 500);
  EXPECT_GT(count(image, 255, 127, 14), 500);
  EXPECT_EQ(count(image, 44, 160, 44), 0);
  EXPECT_GT(count(image, 255, 255, 255), 540 * 900 / 2);
}

TEST_F(Plot, LeavesOutNonFinitePointsAndStandsDegenerateData) {
  const double nan = std::nan(""), infinity = INFINITY;
  EXPECT_GT(count(draw({{"holes", {{0, 1}, {1, nan}, {2, infinity}, {nan, 3}, {4, 2}}}}), 31, 119, 180), 200);
  draw({});
  draw({{"no points", {}}});
  draw({{"only nan", {{nan, nan}}}});
  EXPECT_GT(count(draw({{"one point", {{5, 5}}}}), 31, 119, 180), 10);
  draw({{"flat", {{0, 0}, {10, 0}}}});
  draw({{"large", {{0, 1e12}, {1e9, 1.5e12}}}, {"small", {{0, 1e-9}, {3, 2e-9}}}});
  std::vector<Series> many(20, {"a rather long name of a series", {{0, 1}, {1, 2}}});
  draw(many);
}

TEST_F(Plot, SaysWhereItCannotWrite) {
  try {
    write_line_chart(folder_ / "missing/chart.png", "t", "x", {});
    FAIL() << "written into a folder that does not exist";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos);
  }
}

}  // namespace
}  // namespace fsc
