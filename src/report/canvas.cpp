// PNG by OpenCV at twice the size and shrunk, which smooths text and lines alike; SVG as text.
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "report/detail_canvas.h"

namespace fsc::detail {
namespace {

constexpr int kOversample = 2;
constexpr int kShift = 4;  // fractional bits of the coordinates of anti-aliased lines
constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontPixels = 27;  // SVG's font size that looks as high as Hershey's at scale 1

class PngCanvas : public Canvas {
 public:
  PngCanvas(int width, int height)
      : size_(width, height), pixels_(height * kOversample, width * kOversample, CV_8UC3, cv::Scalar::all(255)) {}

  void polyline(const std::vector<std::pair<double, double>>& points, const Color& color, double thickness) override {
    std::vector<cv::Point> fixed;
    for (const auto& [x, y] : points) fixed.push_back(point(x, y));
    const int pen = std::max(1, static_cast<int>(std::lround(thickness * kOversample)));
    cv::polylines(pixels_, fixed, false, bgr(color), pen, cv::LINE_AA, kShift);
  }
  void dot(double x, double y, double radius, const Color& color) override {
    const auto fixed_radius = static_cast<int>(std::lround(radius * kOversample * (1 << kShift)));
    cv::circle(pixels_, point(x, y), fixed_radius, bgr(color), cv::FILLED, cv::LINE_AA, kShift);
  }
  void text(const std::string& words, double x, double y, double scale, double align, const Color& color, bool bold) override {
    const double left = (x - align * text_width(words, scale)) * kOversample;
    cv::putText(pixels_, words, {static_cast<int>(std::lround(left)), static_cast<int>(std::lround(y * kOversample))}, kFont,
                scale * kOversample, bgr(color), (bold ? 2 : 1) * kOversample, cv::LINE_AA);
  }
  std::string bytes() const override {
    cv::Mat shrunk;
    cv::resize(pixels_, shrunk, size_, 0, 0, cv::INTER_AREA);
    std::vector<uint8_t> bytes;
    TORCH_CHECK(cv::imencode(".png", shrunk, bytes), "OpenCV cannot write PNG");
    return {bytes.begin(), bytes.end()};
  }

 private:
  static cv::Scalar bgr(const Color& color) { return cv::Scalar(color.blue, color.green, color.red); }
  static cv::Point point(double x, double y) {
    constexpr double unit = kOversample * (1 << kShift);
    return {static_cast<int>(std::lround(x * unit)), static_cast<int>(std::lround(y * unit))};
  }

  cv::Size size_;
  cv::Mat pixels_;
};

/// Text for an XML document: markup escaped, control characters and broken UTF-8 (which XML forbids) shown as '?'.
std::string xml_text(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80                   ? 1
                          : lead >= 0xC2 && lead < 0xE0 ? 2
                          : lead >= 0xE0 && lead < 0xF0 ? 3
                          : lead >= 0xF0 && lead < 0xF5 ? 4
                                                        : 0;
    bool whole = length > 0 && i + length <= text.size() && (lead >= 0x20 || lead == '\t');
    for (size_t k = 1; whole && k < length; ++k) whole = (static_cast<unsigned char>(text[i + k]) & 0xC0) == 0x80;
    if (!whole)
      out += '?';
    else if (lead == '&')
      out += "&amp;";
    else if (lead == '<')
      out += "&lt;";
    else if (lead == '>')
      out += "&gt;";
    else
      out += text.substr(i, length);
    i += whole ? length : 1;
  }
  return out;
}

class SvgCanvas : public Canvas {
 public:
  SvgCanvas(int width, int height) : width_(width), height_(height) {}

  void polyline(const std::vector<std::pair<double, double>>& points, const Color& color, double thickness) override {
    std::string list;
    for (const auto& [x, y] : points) list += fmt::format("{}{:.2f},{:.2f}", list.empty() ? "" : " ", x, y);
    body_ += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.2f}\"/>\n", list, hex(color),
                         thickness);
  }
  void dot(double x, double y, double radius, const Color& color) override {
    body_ += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"{:.2f}\" fill=\"{}\"/>\n", x, y, radius, hex(color));
  }
  void text(const std::string& words, double x, double y, double scale, double align, const Color& color, bool bold) override {
    const char* anchor = align < 0.25 ? "start" : align < 0.75 ? "middle" : "end";
    body_ += fmt::format("<text x=\"{:.2f}\" y=\"{:.2f}\" font-size=\"{:.2f}\" text-anchor=\"{}\" fill=\"{}\"{}>{}</text>\n", x,
                         y, scale * kFontPixels, anchor, hex(color), bold ? " font-weight=\"bold\"" : "", xml_text(words));
  }
  std::string bytes() const override {
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
        "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n{2}</svg>\n",
        width_, height_, body_);
  }

 private:
  static std::string hex(const Color& color) { return fmt::format("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue); }
  int width_, height_;
  std::string body_;
};

}  // namespace

double Canvas::text_width(const std::string& words, double scale) {
  int base = 0;
  return cv::getTextSize(words, kFont, scale * kOversample, kOversample, &base).width / static_cast<double>(kOversample);
}

std::unique_ptr<Canvas> png_canvas(int width, int height) { return std::make_unique<PngCanvas>(width, height); }
std::unique_ptr<Canvas> svg_canvas(int width, int height) { return std::make_unique<SvgCanvas>(width, height); }

std::unique_ptr<Canvas> canvas_for(const std::filesystem::path& file, int width, int height) {
  return file.extension() == ".svg" ? svg_canvas(width, height) : png_canvas(width, height);
}

}  // namespace fsc::detail
