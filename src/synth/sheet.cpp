// Image files, and the contact sheet that shows a newcomer what the world looks like.
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <sstream>

#include "fsc/core/error.h"
#include "synth/detail_render.h"

namespace fsc::synth {
namespace {

constexpr int kColumns = 4, kPicture = 224, kGap = 20, kTextHeight = 64, kLine = 19;
constexpr double kFontScale = 0.46;

cv::Size text_size(const std::string& text) { return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, kFontScale, 1, nullptr); }

std::vector<std::string> wrapped(const std::string& text) {
  std::vector<std::string> lines{""};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::string longer = lines.back().empty() ? word : lines.back() + " " + word;
    if (lines.back().empty() || text_size(longer).width <= kPicture)
      lines.back() = longer;
    else
      lines.push_back(word);
  }
  return lines;
}

}  // namespace

void write_image(const std::filesystem::path& path, const cv::Mat& image) {
  bool written = false;
  try {
    written = cv::imwrite(path.string(), image, {cv::IMWRITE_JPEG_QUALITY, 95});
  } catch (const cv::Exception&) {
    written = false;
  }
  if (!written) throw Error("cannot write the image " + path.string() + "; is there space, and may you write to the folder?");
}

cv::Mat contact_sheet(const std::vector<std::pair<cv::Mat, std::string>>& pictures) {
  const int rows = (static_cast<int>(pictures.size()) + kColumns - 1) / kColumns;
  const int cell_width = kPicture + kGap, cell_height = kPicture + kTextHeight + kGap;
  cv::Mat sheet(rows * cell_height + kGap, kColumns * cell_width + kGap, CV_8UC3, cv::Scalar(250, 250, 250));
  for (int i = 0; i < static_cast<int>(pictures.size()); ++i) {
    const auto& [picture, caption] = pictures[static_cast<size_t>(i)];
    const cv::Rect place(kGap + i % kColumns * cell_width, kGap + i / kColumns * cell_height, kPicture, kPicture);
    cv::Mat large;
    cv::resize(picture, large, place.size(), 0, 0, cv::INTER_CUBIC);
    large.copyTo(sheet(place));
    int y = place.y + kPicture + kLine;
    for (const std::string& line : wrapped(caption)) {
      cv::putText(sheet, line, {place.x, y}, cv::FONT_HERSHEY_SIMPLEX, kFontScale, cv::Scalar(45, 45, 45), 1, cv::LINE_AA);
      y += kLine;
    }
  }
  return sheet;
}

}  // namespace fsc::synth
