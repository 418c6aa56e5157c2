// Small pictures for people: curves and trade-offs. A file name that ends in .svg gets SVG, any other PNG.
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace fsc {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x, y
};

/// Line chart with axes, ticks and a legend; non-finite points are left out. Written atomically.
void write_line_chart(const std::filesystem::path& file, const std::string& title, const std::string& x_label,
                      const std::vector<Series>& series);

/// Points in the plane, each with a label of its own ("" = none), joined in order when `joined`.
struct LabelledSeries {
  std::string name;
  struct Point {
    double x = 0, y = 0;
    std::string label;
  };
  std::vector<Point> points;
  bool joined = true;
};

/// How one quantity trades against another: both axes labelled, every point a dot. Non-finite points are left out.
void write_trade_off_chart(const std::filesystem::path& file, const std::string& title, const std::string& x_label,
                           const std::string& y_label, const std::vector<LabelledSeries>& series);

}  // namespace fsc
