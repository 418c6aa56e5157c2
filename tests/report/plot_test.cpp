// Charts are PNG files of the promised size that show every series.
#include "fsc/report/plot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>

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

/// Every tag closed in order, one root, no stray markup: what an XML parser would refuse makes this fail.
void expect_well_formed(const std::string& xml) {
  std::vector<std::string> open;
  size_t roots = 0;
  for (size_t i = 0; i < xml.size();) {
    if (xml[i] != '<') {
      if (xml[i] == '&') {
        const std::string entity = xml.substr(i, xml.find(';', i) - i + 1);
        EXPECT_TRUE(entity == "&amp;" || entity == "&lt;" || entity == "&gt;") << entity;
      }
      EXPECT_NE(xml[i], '>');
      ++i;
      continue;
    }
    const size_t end = xml.find('>', i);
    ASSERT_NE(end, std::string::npos);
    const std::string tag = xml.substr(i + 1, end - i - 1);
    i = end + 1;
    if (tag[0] == '?') continue;
    const std::string name = tag.substr(tag[0] == '/', tag.find_first_of(" /", 1) - (tag[0] == '/'));
    if (tag[0] == '/') {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), tag.substr(1));
      open.pop_back();
      continue;
    }
    EXPECT_EQ(std::count(tag.begin(), tag.end(), '"') % 2, 0) << tag;
    if (open.empty()) ++roots;
    if (tag.back() != '/') open.push_back(name);
  }
  EXPECT_TRUE(open.empty());
  EXPECT_EQ(roots, 1u);
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_F(Plot, SvgIsWellFormedWhateverTheNamesHold) {
  const std::string nasty = "a < b & c > d \x01 \xff \xc3\xa9 ]]>";
  write_line_chart(folder_ / "line.svg", nasty, nasty, {{nasty, {{0, 1}, {1, 2}}}});
  write_trade_off_chart(folder_ / "path.svg", nasty, nasty, nasty, {{nasty, {{0, 1, nasty}, {1, std::nan(""), "lost"}}, true}});
  for (const char* name : {"line.svg", "path.svg"}) {
    const std::string svg = text_of(folder_ / name);
    expect_well_formed(svg);
    EXPECT_NE(svg.find("a &lt; b &amp; c &gt; d ? ? \xc3\xa9"), std::string::npos);
  }
  EXPECT_EQ(text_of(folder_ / "path.svg").find("lost"), std::string::npos) << "a point that is no number has no label";
}

TEST_F(Plot, TradeOffHasADotAndALabelForEachPointInBothFormats) {
  const std::vector<LabelledSeries> series = {{"zeroshot", {{60, 70, "0"}, {55, 75, "0.5"}, {40, 80, "1"}}, true},
                                              {"retrieval", {{50, 70, "0"}, {45, 80, "1"}}, false}};
  write_trade_off_chart(folder_ / "chart.svg", "Title", "kept", "gained", series);
  const std::string svg = text_of(folder_ / "chart.svg");
  const auto count_of = [&](const std::string& part) {
    size_t n = 0;
    for (size_t at = svg.find(part); at != std::string::npos; at = svg.find(part, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count_of("<circle"), 5u);
  EXPECT_EQ(count_of(">0.5</text>"), 1u);
  for (const char* text : {"Title", "kept", "gained", "zeroshot", "retrieval"})
    EXPECT_EQ(count_of(std::string(">") + text + "</text>"), 1u) << text;
  write_trade_off_chart(folder_ / "chart.png", "Title", "kept", "gained", series);
  const auto image = decode_image_file(folder_ / "chart.png");
  EXPECT_GT(count(image, 31, 119, 180), 300) << "three dots, two lines";
  EXPECT_GT(count(image, 255, 127, 14), 60) << "two dots";
  write_trade_off_chart(folder_ / "empty.svg", "t", "x", "y", {});
  expect_well_formed(text_of(folder_ / "empty.svg"));
}

}  // namespace
}  // namespace fsc
