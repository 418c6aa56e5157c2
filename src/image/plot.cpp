// Line charts drawn with OpenCV at twice the size and shrunk, which smooths text and lines alike.
#include "fsc/image/plot.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "fsc/core/atomic_file.h"
#include "fsc/core/error.h"

namespace fsc {
namespace {

constexpr int kWidth = 900, kHeight = 540;
constexpr int kOversample = 2;
constexpr int kShift = 4;  // fractional bits of the coordinates of anti-aliased lines
constexpr double kTickText = 0.45;
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;

const cv::Scalar kInk(60, 60, 60), kFaint(230, 230, 230), kFrame(170, 170, 170);  // B, G, R
const std::array<cv::Scalar, 8> kColors = {cv::Scalar(180, 119, 31), cv::Scalar(14, 127, 255),  cv::Scalar(44, 160, 44),
                                           cv::Scalar(40, 39, 214),  cv::Scalar(189, 103, 148), cv::Scalar(75, 86, 140),
                                           cv::Scalar(194, 119, 227), cv::Scalar(207, 190, 23)};

/// One axis: its range and the pixels it spans.
struct Axis {
  double low = 0.0, high = 1.0, step = 0.2;
  double from = 0.0, to = 1.0;  // in pixels of the finished picture
  double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

/// 1, 2 or 5 times a power of ten, so that about `count` steps fill `span`.
double sensible_step(double span, int count) {
  const double raw = span / count, power = std::pow(10.0, std::floor(std::log10(raw))), lead = raw / power;
  return power * (lead < 1.5 ? 1.0 : lead < 3.5 ? 2.0 : lead < 7.5 ? 5.0 : 10.0);
}

/// A range that holds [low, high]; `whole_steps` widens it to multiples of the step.
Axis make_axis(double low, double high, int ticks, bool whole_steps) {
  Axis axis;
  if (low > high) return axis;  // no points at all
  if (high - low <= 1e-12 * std::max(std::abs(low), std::abs(high))) {  // flat: leave room on both sides
    const double room = std::max(std::abs(low) * 0.1, 0.5);
    low -= room;
    high += room;
  }
  axis.step = sensible_step(high - low, ticks);
  axis.low = whole_steps ? std::floor(low / axis.step + 1e-9) * axis.step : low;
  axis.high = whole_steps ? std::ceil(high / axis.step - 1e-9) * axis.step : high;
  return axis;
}

std::string tick_text(double value, double step) {
  if (std::abs(value) < step * 1e-6) return "0";
  if (std::abs(value) >= 1e6 || step < 1e-4) return fmt::format("{:.4g}", value);
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return fmt::format("{:.{}f}", value, decimals);
}

/// A white picture with coordinates in pixels of the finished one.
class Canvas {
 public:
  Canvas() : pixels_(kHeight * kOversample, kWidth * kOversample, CV_8UC3, cv::Scalar::all(255)) {}

  void line(double x0, double y0, double x1, double y1, const cv::Scalar& color, double thickness = 1.0) {
    cv::line(pixels_, point(x0, y0), point(x1, y1), color, pen(thickness), cv::LINE_AA, kShift);
  }
  void polyline(const std::vector<cv::Point2d>& points, const cv::Scalar& color, double thickness) {
    std::vector<cv::Point> fixed;
    for (const auto& p : points) fixed.push_back(point(p.x, p.y));
    cv::polylines(pixels_, fixed, false, color, pen(thickness), cv::LINE_AA, kShift);
  }
  void dot(double x, double y, double radius, const cv::Scalar& color) {
    const auto fixed_radius = static_cast<int>(std::lround(radius * kOversample * (1 << kShift)));
    cv::circle(pixels_, point(x, y), fixed_radius, color, cv::FILLED, cv::LINE_AA, kShift);
  }
  /// `align`: 0 = x is the left end, 0.5 = the middle, 1 = the right end; y is the base line.
  void text(const std::string& words, double x, double y, double scale, double align, const cv::Scalar& color, int weight = 1) {
    const double left = (x - align * text_width(words, scale)) * kOversample;
    cv::putText(pixels_, words, {static_cast<int>(std::lround(left)), static_cast<int>(std::lround(y * kOversample))}, kFont,
                scale * kOversample, color, weight * kOversample, cv::LINE_AA);
  }
  static double text_width(const std::string& words, double scale) {
    int base = 0;
    return cv::getTextSize(words, kFont, scale * kOversample, kOversample, &base).width / static_cast<double>(kOversample);
  }
  std::string png() const {
    cv::Mat shrunk;
    cv::resize(pixels_, shrunk, {kWidth, kHeight}, 0, 0, cv::INTER_AREA);
    std::vector<uint8_t> bytes;
    TORCH_CHECK(cv::imencode(".png", shrunk, bytes), "OpenCV cannot write PNG");
    return {bytes.begin(), bytes.end()};
  }

 private:
  static cv::Point point(double x, double y) {
    constexpr double unit = kOversample * (1 << kShift);
    return {static_cast<int>(std::lround(x * unit)), static_cast<int>(std::lround(y * unit))};
  }
  static int pen(double thickness) { return std::max(1, static_cast<int>(std::lround(thickness * kOversample))); }

  cv::Mat pixels_;
};

bool finite(const std::pair<double, double>& p) { return std::isfinite(p.first) && std::isfinite(p.second); }

void draw_axes(Canvas& canvas, const Axis& x, const Axis& y, const std::string& x_label) {
  for (double v = std::ceil(y.low / y.step - 1e-9) * y.step; v <= y.high + 1e-9 * y.step; v += y.step) {
    canvas.line(x.from, y.at(v), x.to, y.at(v), kFaint);
    canvas.text(tick_text(v, y.step), x.from - 9, y.at(v) + 5, kTickText, 1.0, kInk);
  }
  for (double v = std::ceil(x.low / x.step - 1e-9) * x.step; v <= x.high + 1e-9 * x.step; v += x.step) {
    canvas.line(x.at(v), y.from, x.at(v), y.to, kFaint);
    canvas.line(x.at(v), y.from, x.at(v), y.from + 5, kFrame);
    canvas.text(tick_text(v, x.step), x.at(v), y.from + 20, kTickText, 0.5, kInk);
  }
  canvas.line(x.from, y.from, x.to, y.from, kFrame, 1.5);
  canvas.line(x.from, y.from, x.from, y.to, kFrame, 1.5);
  canvas.text(x_label, (x.from + x.to) / 2, y.from + 43, 0.5, 0.5, kInk);
}

/// One row of names from the left, wrapping; returns the y below the last row.
double draw_legend(Canvas& canvas, const std::vector<Series>& series, double left, double right, double y) {
  constexpr double kText = 0.48, kSwatch = 26, kGap = 22, kRow = 20;
  double x = left;
  for (size_t i = 0; i < series.size(); ++i) {
    const double width = kSwatch + 7 + Canvas::text_width(series[i].name, kText);
    if (x > left && x + width > right) {
      x = left;
      y += kRow;
    }
    canvas.line(x, y - 5, x + kSwatch, y - 5, kColors[i % kColors.size()], 2.5);
    canvas.text(series[i].name, x + kSwatch + 7, y, kText, 0.0, kInk);
    x += width + kGap;
  }
  return y;
}

void draw_series(Canvas& canvas, const Series& series, const Axis& x, const Axis& y, const cv::Scalar& color) {
  std::vector<cv::Point2d> points;
  for (const auto& p : series.points) {
    if (finite(p)) points.emplace_back(x.at(p.first), y.at(p.second));
  }
  if (points.size() > 1) canvas.polyline(points, color, 1.75);
  if (points.size() <= 25) {  // few points are measurements to be seen one by one
    for (const auto& p : points) canvas.dot(p.x, p.y, 3.2, color);
  }
}

}  // namespace

void write_line_chart(const std::filesystem::path& png, const std::string& title, const std::string& x_label,
                      const std::vector<Series>& series) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double x_low = kInfinity, x_high = -kInfinity, y_low = kInfinity, y_high = -kInfinity;
  for (const auto& line : series) {
    for (const auto& p : line.points) {
      if (!finite(p)) continue;
      x_low = std::min(x_low, p.first), x_high = std::max(x_high, p.first);
      y_low = std::min(y_low, p.second), y_high = std::max(y_high, p.second);
    }
  }
  const bool any = x_low <= x_high;
  Axis x = make_axis(x_low, x_high, 8, false), y = make_axis(y_low, y_high, 6, true);

  Canvas canvas;
  double widest = 0;
  for (double v = y.low; v <= y.high + 1e-9 * y.step; v += y.step) {
    widest = std::max(widest, Canvas::text_width(tick_text(v, y.step), kTickText));
  }
  x.from = 28 + widest;
  x.to = kWidth - 28;
  canvas.text(title, x.from, 34, 0.68, 0.0, kInk, 2);
  y.to = draw_legend(canvas, series, x.from, x.to, 62) + 18;
  y.from = kHeight - 58;
  draw_axes(canvas, x, y, x_label);
  for (size_t i = 0; i < series.size(); ++i) draw_series(canvas, series[i], x, y, kColors[i % kColors.size()]);
  if (!any) canvas.text("no data", (x.from + x.to) / 2, (y.from + y.to) / 2, 0.7, 0.5, kFrame);
  write_file_atomic(png, canvas.png());
}

}  // namespace fsc
