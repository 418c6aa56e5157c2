// Small pictures for people: curves and contact sheets as PNG.
#pragma once
#include <torch/types.h>

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
void write_line_chart(const std::filesystem::path& png, const std::string& title, const std::string& x_label,
                      const std::vector<Series>& series);

}  // namespace fsc
