// Charts: axes, legend, lines and points on a canvas.
#include "fsc/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "fsc/core/atomic_file.h"
#include "report/detail_canvas.h"

namespace fsc {
using namespace detail;
namespace {

constexpr int kWidth = 900, kHeight = 540;
constexpr double kTickText = 0.45;

constexpr Color kInk{60, 60, 60}, kFaint{230, 230, 230}, kFrame{170, 170, 170};
constexpr std::array<Color, 8> kColors = {Color{31, 119, 180}, {255, 127, 14}, {44, 160, 44},   {214, 39, 40},
                                          {148, 103, 189},     {140, 86, 75},  {227, 119, 194}, {23, 190, 207}};

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
  if (low > high) return axis;                                          // no points at all
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
double draw_legend(Canvas& canvas, const std::vector<std::string>& names, double left, double right, double y) {
  constexpr double kText = 0.48, kSwatch = 26, kGap = 22, kRow = 20;
  double x = left;
  for (size_t i = 0; i < names.size(); ++i) {
    const double width = kSwatch + 7 + Canvas::text_width(names[i], kText);
    if (x > left && x + width > right) {
      x = left;
      y += kRow;
    }
    canvas.line(x, y - 5, x + kSwatch, y - 5, kColors[i % kColors.size()], 2.5);
    canvas.text(names[i], x + kSwatch + 7, y, kText, 0.0, kInk);
    x += width + kGap;
  }
  return y;
}

void draw_series(Canvas& canvas, const Series& series, const Axis& x, const Axis& y, const Color& color) {
  std::vector<std::pair<double, double>> points;
  for (const auto& p : series.points) {
    if (finite(p)) points.emplace_back(x.at(p.first), y.at(p.second));
  }
  if (points.size() > 1) canvas.polyline(points, color, 1.75);
  if (points.size() <= 25) {  // few points are measurements to be seen one by one
    for (const auto& [px, py] : points) canvas.dot(px, py, 3.2, color);
  }
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The smallest rectangle around the finite points.
struct Bounds {
  double x_low = kInfinity, x_high = -kInfinity, y_low = kInfinity, y_high = -kInfinity;
  void hold(const std::pair<double, double>& p) {
    if (!finite(p)) return;
    x_low = std::min(x_low, p.first), x_high = std::max(x_high, p.first);
    y_low = std::min(y_low, p.second), y_high = std::max(y_high, p.second);
  }
  bool any() const { return x_low <= x_high; }
};

/// Title, legend and axes; gives the axes the room that is left.
void draw_frame(Canvas& canvas, const std::string& title, const std::vector<std::string>& names, const std::string& x_label,
                const std::string& y_label, Axis& x, Axis& y) {
  double widest = 0;
  for (double v = y.low; v <= y.high + 1e-9 * y.step; v += y.step) {
    widest = std::max(widest, Canvas::text_width(tick_text(v, y.step), kTickText));
  }
  x.from = 28 + widest;
  x.to = kWidth - 28;
  canvas.text(title, x.from, 34, 0.68, 0.0, kInk, true);
  y.to = draw_legend(canvas, names, x.from, x.to, 62) + 18;
  if (!y_label.empty()) {
    canvas.text(y_label, x.from, y.to + 12, 0.5, 0.0, kInk);
    y.to += 24;
  }
  y.from = kHeight - 58;
  draw_axes(canvas, x, y, x_label);
}

template <class S>
std::vector<std::string> names_of(const std::vector<S>& series) {
  std::vector<std::string> names;
  for (const auto& one : series) names.push_back(one.name);
  return names;
}

void say_no_data(Canvas& canvas, const Axis& x, const Axis& y) {
  canvas.text("no data", (x.from + x.to) / 2, (y.from + y.to) / 2, 0.7, 0.5, kFrame);
}

struct Box {
  double left, right, top, bottom;
  bool meets(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

/// Beside its dot, at the first of four places that no label has taken and that lies within the frame.
void draw_label(Canvas& canvas, const std::string& label, double x, double y, double right_end, std::vector<Box>& taken) {
  constexpr double kText = 0.4, kHeight = 10;
  const double width = Canvas::text_width(label, kText);
  const auto place = [&](bool left, bool below) {
    const double from = left ? x - 7 - width : x + 7, base = below ? y + 15 : y - 6;
    return Box{from, from + width, base - kHeight, base};
  };
  Box chosen = place(x + 7 + width > right_end, false);
  for (const auto& [left, below] : {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
    const Box box = place(left, below);
    if (box.right > right_end || std::any_of(taken.begin(), taken.end(), [&](const Box& other) { return box.meets(other); }))
      continue;
    chosen = box;
    break;
  }
  taken.push_back(chosen);
  canvas.text(label, chosen.left, chosen.bottom, kText, 0.0, kInk);
}

/// A range with a little room at both ends, so that no dot or label lies on the frame.
Axis roomy_axis(double low, double high, int ticks) {
  const double room = low <= high ? 0.06 * (high - low) : 0;
  return make_axis(low - room, high + room, ticks, false);
}

}  // namespace

void write_line_chart(const std::filesystem::path& file, const std::string& title, const std::string& x_label,
                      const std::vector<Series>& series) {
  Bounds bounds;
  for (const auto& line : series)
    for (const auto& p : line.points) bounds.hold(p);
  Axis x = make_axis(bounds.x_low, bounds.x_high, 8, false), y = make_axis(bounds.y_low, bounds.y_high, 6, true);
  const auto canvas = canvas_for(file, kWidth, kHeight);
  draw_frame(*canvas, title, names_of(series), x_label, "", x, y);
  for (size_t i = 0; i < series.size(); ++i) draw_series(*canvas, series[i], x, y, kColors[i % kColors.size()]);
  if (!bounds.any()) say_no_data(*canvas, x, y);
  write_file_atomic(file, canvas->bytes());
}

void write_trade_off_chart(const std::filesystem::path& file, const std::string& title, const std::string& x_label,
                           const std::string& y_label, const std::vector<LabelledSeries>& series) {
  Bounds bounds;
  for (const auto& one : series)
    for (const auto& p : one.points) bounds.hold({p.x, p.y});
  Axis x = roomy_axis(bounds.x_low, bounds.x_high, 8), y = roomy_axis(bounds.y_low, bounds.y_high, 6);
  const auto canvas = canvas_for(file, kWidth, kHeight);
  draw_frame(*canvas, title, names_of(series), x_label, y_label, x, y);
  for (size_t i = 0; i < series.size(); ++i) {
    const Color& color = kColors[i % kColors.size()];
    std::vector<std::pair<double, double>> path;
    for (const auto& p : series[i].points)
      if (finite({p.x, p.y})) path.emplace_back(x.at(p.x), y.at(p.y));
    if (series[i].joined && path.size() > 1) canvas->polyline(path, color, 1.75);
    for (const auto& [px, py] : path) canvas->dot(px, py, 4.0, color);
  }
  std::vector<Box> taken;  // labels come last, above all lines
  for (const auto& one : series)
    for (const auto& p : one.points)
      if (finite({p.x, p.y}) && !p.label.empty()) draw_label(*canvas, p.label, x.at(p.x), y.at(p.y), x.to, taken);
  if (!bounds.any()) say_no_data(*canvas, x, y);
  write_file_atomic(file, canvas->bytes());
}

}  // namespace fsc
