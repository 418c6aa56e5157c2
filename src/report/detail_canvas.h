// What charts are drawn on: one drawing, written as PNG or as SVG.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fsc::detail {

struct Color {
  int red = 0, green = 0, blue = 0;
};

/// A white page; coordinates in pixels of the finished picture, y downwards.
class Canvas {
 public:
  virtual ~Canvas() = default;
  virtual void polyline(const std::vector<std::pair<double, double>>& points, const Color& color, double thickness) = 0;
  virtual void dot(double x, double y, double radius, const Color& color) = 0;
  /// `align`: 0 = x is the left end, 0.5 = the middle, 1 = the right end; y is the base line.
  virtual void text(const std::string& words, double x, double y, double scale, double align, const Color& color,
                    bool bold = false) = 0;
  /// The finished file.
  virtual std::string bytes() const = 0;

  void line(double x0, double y0, double x1, double y1, const Color& color, double thickness = 1.0) {
    polyline({{x0, y0}, {x1, y1}}, color, thickness);
  }
  /// Room a text needs; the same for all kinds, so that they have one layout.
  static double text_width(const std::string& words, double scale);
};

std::unique_ptr<Canvas> png_canvas(int width, int height);
std::unique_ptr<Canvas> svg_canvas(int width, int height);
/// By the file's extension: .svg, else PNG.
std::unique_ptr<Canvas> canvas_for(const std::filesystem::path& file, int width, int height);

}  // namespace fsc::detail
